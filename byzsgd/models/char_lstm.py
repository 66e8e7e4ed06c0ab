from __future__ import annotations

from torch import Tensor, nn

from byzsgd.checks import require


class _CharLSTM(nn.Module):
    def __init__(self, outputs: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(outputs, embedding)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens))
        scores: Tensor = self.head(states[:, -1])
        return scores


def char_lstm(
    input_shape: tuple[int, ...], outputs: int, /, *, embedding: int = 16, hidden: int = 64, layers: int = 1
) -> nn.Module:
    """An LSTM over (B, T) tokens that scores the next one, (B, outputs); as many outputs as tokens.

    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks from
    decentralized data (AISTATS 2017), arXiv:1602.05629, use two layers of 256 and an embedding of 8.
    """
    who = "model char_lstm"
    require(len(input_shape) == 1, who, "inputs of shape (T,)", input_shape=tuple(input_shape))
    require(min(embedding, hidden, layers) >= 1, who, "embedding, hidden, layers >= 1", embedding=embedding,
            hidden=hidden, layers=layers)  # fmt: skip
    return _CharLSTM(outputs, embedding, hidden, layers)
