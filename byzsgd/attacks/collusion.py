"""All liars at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from byzsgd.attacks.payload import Carried, Carrier
from byzsgd.checks import require
from byzsgd.interfaces import View


@dataclass(frozen=True, kw_only=True)
class Collusion(Carrier):
    """The payload, timed so that all liars land in one step: in the same buffer, bucket or round, and as its last.

    A finished message is held back until the deliveries of the liars would complete the server's step (asked through
    its preview, with the own vector for all of them); then they come one after another. In a synchronous round they
    speak after everyone else; where every arrival makes a step there is nothing to wait for. After `patience` server
    updates a message is sent in any case, so that a server that refuses liars does not silence them.
    """

    patience: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.patience >= 0, "collusion", "patience >= 0", patience=self.patience)
        object.__setattr__(self, "timed", True)

    def release(self, view: View) -> bool:
        if view.step - view.read_at >= self.patience:
            return True
        liars = cast(Carried, view.memory).context.byzantine
        fellows = (view.worker, *(liar for liar in liars if liar != view.worker))
        arrivals = [replace(view.arrival(view.own), worker=liar) for liar in fellows]
        return any(
            view.aggregator.preview(view.state, arrivals[:count]).direction is not None
            for count in range(1, len(arrivals) + 1)
        )
