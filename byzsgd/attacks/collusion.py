"""All liars at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from byzsgd.attacks.payload import Carried, Remembering
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Message, View


@dataclass
class Colluding(Carried):
    """Also the moment at which the liars deliver, one after another."""

    moment: float | None = None


@dataclass(frozen=True, kw_only=True)
class Collusion(Remembering[Colluding]):
    """The payload, timed so that all liars deliver at one moment: inside one buffer, bucket or round, and as its last.

    A finished message is held back until every liar has one and the last of them would complete the server's step
    (asked through its preview, with the own vector for all of them); then they come one after another at the same
    virtual time. In a synchronous round they speak after everyone else. Who has waited for `patience` server updates
    sends in any case and takes the others along, so that neither a server that refuses liars nor a liar that is silent
    keeps the rest from speaking.
    """

    patience: int = 50

    timed = True
    previews = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.patience >= 0, "collusion", "patience >= 0", patience=self.patience)

    def init(self, context: AdversaryContext) -> Colluding:
        return Colluding(context, self.carried.init(context))

    def forge(self, view: View[Colluding]) -> Tensor | Message:
        view.memory.moment = view.time
        return super().forge(view)

    def release(self, view: View[Colluding]) -> bool:
        memory = view.memory
        if memory.moment == view.time or view.step - view.read_at >= self.patience:
            return True
        if not set(memory.context.byzantine) <= {view.worker, *view.ready}:
            return False
        others = (liar for liar in memory.context.byzantine if liar != view.worker)
        arrivals = [replace(view.arrival(view.own), worker=liar) for liar in (view.worker, *others)]
        return view.aggregator.preview(view.state, arrivals).direction is not None
