"""Work on one model, said to be work on another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from byzsgd.attacks.payload import Carrier
from byzsgd.checks import require
from byzsgd.interfaces import Message, View
from byzsgd.interfaces.values import derived


@dataclass(frozen=True, kw_only=True)
class StalenessLie(Carrier):
    """The payload, claimed to be `staleness` updates old: 0 escapes every damping.

    Servers that stamp versions (`stamps=true`) know better and take no notice. A claim goes no further back than the
    first model.
    """

    staleness: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.staleness >= 0, "staleness_lie", "staleness >= 0", staleness=self.staleness)

    @derived
    def claims(self) -> int:
        return self.staleness

    def forge(self, view: View) -> Message:
        forged = super().forge(view)
        message = forged if isinstance(forged, Message) else Message.uncompressed(forged)
        return replace(message, claimed_read_at=max(0, view.step - self.staleness))
