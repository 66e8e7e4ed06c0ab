"""How a plain forging function says what it needs, and how it becomes an `Attack`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from byzsgd.checks import Condition as Condition
from byzsgd.checks import demand, require
from byzsgd.interfaces import SEES, AdversaryContext, Attack, Knowledge, Message, View
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.interfaces.values import derived
from byzsgd.signatures import keyword_only, missing, name_of, unwrapped

Forge = Callable[..., Tensor | Message]
F = TypeVar("F", bound=Forge)
# What a condition may be about beside parameters: workers, liars, liars that the server counts on, coordinates.
SIZES: dict[str, Callable[[AdversaryContext], int]] = {
    "n": lambda context: context.num_workers,
    "m": lambda context: len(context.byzantine),
    "f": lambda context: context.f,
    "d": lambda context: context.num_parameters,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a forging function says of itself.

    `sees`: the least knowledge it can work with. `conditions`: of its parameters, asked when it is lifted; those that
    name one of `SIZES` too, asked at `init`, where `memory(context)` makes the State that the views then carry.
    `harmless`: it sends what an honest worker would send, so that no view need be made for it. `previews`: it asks the
    server in advance; `neighbours`: it lies to neighbours.
    """

    sees: Knowledge
    conditions: tuple[Condition, ...] = ()
    memory: Callable[[AdversaryContext], object] | None = None
    harmless: bool = False
    previews: bool = False
    neighbours: bool = False


def forging(
    *conditions: Condition,
    sees: Knowledge,
    harmless: bool = False,
    memory: Callable[[AdversaryContext], object] | None = None,
    previews: bool = False,
    neighbours: bool = False,
) -> Callable[[F], F]:
    """Declares a plain function `forge(view, *, parameters)`; the function itself stays as it is."""
    require(sees in SEES, "forging", f"sees among {', '.join(SEES)}", sees=sees)

    def declare(function: F) -> F:
        function.__dict__["declaration"] = Declaration(sees, conditions, memory, harmless, previews, neighbours)
        return function

    return declare


@compiled_as("function", "function")
@dataclass(frozen=True)
class Forging(Attack):
    """An attack that is one pure function of the view, or a functools.partial of one."""

    function: Callable[[View], Tensor | Message]

    @derived
    def name(self) -> str:
        return name_of(self.function)

    @property
    def declaration(self) -> Declaration:
        """Of the function; where it has none, it sees what `knowledge=delivered` shows."""
        function, _, _ = unwrapped(self.function)
        declaration: Declaration = getattr(function, "declaration", Declaration(sees="delivered"))
        return declaration

    @property
    def parameters(self) -> dict[str, object]:
        """The values of all parameters of the function, also those by default."""
        function, _, given = unwrapped(self.function)
        return {**keyword_only(function), **given}

    @derived
    def sees(self) -> Knowledge:
        return self.declaration.sees

    @derived
    def previews(self) -> bool:
        return self.declaration.previews

    @derived
    def neighbours(self) -> bool:
        return self.declaration.neighbours

    def init(self, context: AdversaryContext) -> object:
        declaration = self.declaration
        # Without liars there is nothing to forge, so nothing that could be impossible.
        if declaration.conditions and context.byzantine:
            sizes = {name: size(context) for name, size in SIZES.items()}
            demand(self.name, declaration.conditions, {**sizes, **self.parameters})
        return None if declaration.memory is None else declaration.memory(context)

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
    declared = hasattr(function, "declaration")
    require(declared, name, "a declaration of what it sees (byzsgd.attacks.declaration.forging)", it=None)
    parameters = keyword_only(function)
    wrong = sorted(given.keys() - parameters.keys())
    listed = ", ".join(parameters) or "none at all"
    require(not wrong and not positional, name, f"parameters among: {listed}", unknown=", ".join(wrong) or positional)
    lacking = sorted(missing(function, given))
    require(not lacking, name, "a value of every parameter without a default", missing=", ".join(lacking))
    lifted = Forging(functools.partial(function, **given) if given else function)
    if lifted.declaration.harmless:
        return Attack()
    demand(name, lifted.declaration.conditions, lifted.parameters, later=SIZES)
    return lifted
