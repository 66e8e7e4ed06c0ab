from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Literal, Protocol

from byzsgd.interfaces import Tracked

from .packages import require_package


class Opened(Protocol):
    """What is used of an open run of wandb."""

    summary: MutableMapping[str, object]

    def log(self, data: dict[str, float], *, step: int) -> object: ...

    def finish(self, *, exit_code: int) -> object: ...


class Client(Protocol):
    """What is called of the module wandb."""

    def init(self, **settings: object) -> Opened: ...


@dataclass(frozen=True, kw_only=True)
class WeightsAndBiases:
    """A run of Weights & Biases with the same metrics, over arrivals, and the whole configuration.

    A resumed run goes on in its run there. `mode=offline` writes to ./wandb, and `wandb sync` sends it later. Without a
    login, that mode or WANDB_API_KEY is needed.
    """

    project: str
    entity: str | None
    mode: Literal["online", "offline", "disabled"]
    client: Client | None = None  # in place of the module wandb

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

    def _client(self) -> Client:
        if self.client is not None:
            return self.client
        import wandb

        client: Client = wandb
        return client


class _Log:
    def __init__(self, run: Opened) -> None:
        self._run = run

    def write(self, row: Mapping[str, float]) -> None:
        self._run.log({name: value for name, value in row.items() if name != "arrivals"}, step=int(row["arrivals"]))

    def close(self, status: str) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=1 if status == "failed" else 0)
