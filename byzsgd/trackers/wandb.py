from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from byzsgd.interfaces import Tracked

from .packages import require_package


@dataclass(frozen=True, kw_only=True)
class WeightsAndBiases:
    """A run of Weights & Biases with the same metrics, over arrivals, and the whole configuration.

    A resumed run goes on in its run there. `mode=offline` writes to ./wandb, and `wandb sync` sends it later. Without a
    login, that mode or WANDB_API_KEY is needed.
    """

    project: str
    entity: str | None
    mode: Literal["online", "offline", "disabled"]
    client: Any = None  # in place of the module wandb

    def __post_init__(self) -> None:
        if self.client is None:
            require_package("wandb")

    def open(self, run: Tracked) -> _Log:
        return _Log(
            self._client().init(
                project=self.project,
                entity=self.entity,
                mode=self.mode,
                id=run.identity,
                name=run.name,
                resume="allow",
                config=dict(run.config),
            )
        )

    def _client(self) -> Any:
        if self.client is not None:
            return self.client
        import wandb

        return wandb


class _Log:
    def __init__(self, run: Any) -> None:
        self._run = run

    def write(self, row: Mapping[str, float]) -> None:
        self._run.log({name: value for name, value in row.items() if name != "arrivals"}, step=int(row["arrivals"]))

    def close(self, status: str) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=1 if status == "failed" else 0)
