"""How a plain forging function says what it needs, and how it becomes an `Attack`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import SEES, AdversaryContext, Attack, Knowledge, Message, View
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.signatures import keyword_only, missing, unwrapped

Forge = Callable[..., Tensor | Message]
F = TypeVar("F", bound=Forge)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a forging function says of itself.

    `sees`: the least knowledge it can work with. `check(**parameters)` refuses impossible parameters, at the time of
    lifting; `fits(context, **parameters)` refuses an adversary of a size that it cannot work with, at `init`, where
    `memory(context)` makes the State that the views then carry. `harmless`: it sends what an honest worker would send,
    so that no view need be made for it. `previews`: it asks the server in advance; `neighbours`: it lies to neighbours.
    """

    sees: Knowledge
    check: Callable[..., None] | None = None
    fits: Callable[..., None] | None = None
    memory: Callable[[AdversaryContext], object] | None = None
    harmless: bool = False
    previews: bool = False
    neighbours: bool = False


def forging(
    *,
    sees: Knowledge,
    harmless: bool = False,
    check: Callable[..., None] | None = None,
    fits: Callable[..., None] | None = None,
    memory: Callable[[AdversaryContext], object] | None = None,
    previews: bool = False,
    neighbours: bool = False,
) -> Callable[[F], F]:
    """Declares a plain function `forge(view, *, parameters)`; the function itself stays as it is."""
    require(sees in SEES, "forging", f"sees among {', '.join(SEES)}", sees=sees)

    def declare(function: F) -> F:
        function.__dict__["declaration"] = Declaration(sees, check, fits, memory, harmless, previews, neighbours)
        return function

    return declare


@compiled_as("function", "function")
@dataclass(frozen=True, kw_only=True)
class Forging(Attack):
    """An attack that is one pure function of the view."""

    name: str
    sees: Knowledge
    function: Callable[[View], Tensor | Message]
    fits: Callable[[AdversaryContext], None] | None = None
    memory: Callable[[AdversaryContext], object] | None = None
    previews: bool = False
    neighbours: bool = False

    def init(self, context: AdversaryContext) -> object:
        # Without liars there is nothing to forge, so nothing that could be impossible.
        if self.fits is not None and context.byzantine:
            self.fits(context)
        return None if self.memory is None else self.memory(context)

    def forge(self, view: View) -> Tensor | Message:
        return self.function(view)


def lift(attack: Attack | Forge) -> Attack:
    """The `Attack` that a declared function, or a functools.partial of one, stands for; an Attack is returned as it is.

    A parameter that the function does not have is refused here, not at the first forged message.
    """
    if isinstance(attack, Attack):
        return attack
    function, positional, given = unwrapped(attack)
    name = getattr(function, "__name__", repr(function))
    declaration = getattr(function, "declaration", None)
    require(
        declaration is not None, name, "a declaration of what it sees (byzsgd.attacks.declaration.forging)", it=None
    )
    assert declaration is not None
    known = keyword_only(function)
    wrong = sorted(set(given) - set(known))
    listed = ", ".join(known) or "none at all"
    require(not wrong and not positional, name, f"parameters among: {listed}", unknown=", ".join(wrong) or positional)
    lacking = sorted(missing(function, given))
    require(not lacking, name, "a value of every parameter without a default", missing=", ".join(lacking))
    parameters = {**known, **given}
    if declaration.harmless:
        return Attack()
    if declaration.check is not None:
        declaration.check(**parameters)
    fits = None if declaration.fits is None else functools.partial(declaration.fits, **parameters)
    bound = functools.partial(function, **given) if given else function
    return Forging(
        name=name,
        sees=declaration.sees,
        function=bound,
        fits=fits,
        memory=declaration.memory,
        previews=declaration.previews,
        neighbours=declaration.neighbours,
    )
