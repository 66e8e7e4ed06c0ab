"""The one form of every error, `<who> needs <condition>; got <values>`, and of the conditions of plain functions. Also
names and settings as text."""

from __future__ import annotations

import functools
import inspect
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, surrogate, line and paragraph ends


def require(condition: bool, who: str, needs: str, **values: object) -> None:
    """Raises ValueError(`<who> needs <needs>; got a=…, b=…`) unless the condition holds."""
    if not condition:
        got = ", ".join(f"{name}={spelled(value)}" for name, value in values.items())
        raise ValueError(f"{who} needs {needs}; got {got}")


@dataclass(frozen=True)
class Condition:
    """A condition of a plain function: `text` in symbols, and a predicate.

    The predicate's parameters have the names of what it is about: hyper-parameters of the function, and what its family
    adds, such as k rows. A condition of theory also says what the formula itself needs: with `strict=False` that is
    asked instead.
    """

    text: str
    holds: Callable[..., bool]
    computable: Condition | None = None

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.holds).parameters)

    def demand(self, who: str, scope: Mapping[str, object]) -> None:
        """Raises ValueError unless it holds for the values in the scope, by name."""
        if self.computable is not None and not scope.get("strict", True):
            self.computable.demand(who, scope)
            return
        values = [scope[name] for name in self.names]
        if not self.holds(*values):
            given = {name: value for name, value in zip(self.names, values, strict=True) if value is not None}
            require(False, who, self.text, **given)


def demand(
    who: str, conditions: Iterable[Condition], scope: Mapping[str, object], *, later: Iterable[str] = ()
) -> None:
    """Raises ValueError unless all conditions hold. Those about one of the names `later`, whose values come later, are
    left out."""
    for condition in conditions:
        if not any(name in condition.names for name in later):
            condition.demand(who, scope)


def printable(text: str) -> str:
    """A text on one line. Characters that would move the cursor or change the direction are spelled out: \\x1b."""
    if text.isprintable():
        return text
    return "".join(sign if unicodedata.category(sign) not in _UNSEEN else _spelled_out(sign) for sign in text)


def _spelled_out(sign: str) -> str:
    return sign.encode("unicode_escape", "backslashreplace").decode()


def spelled(value: object) -> str:
    """A value as one types it in a configuration."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def leaves(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """(dotted key, value) of every setting in nested settings. A part without settings gives none."""
    if not isinstance(node, Mapping):
        yield path, node
        return
    for key, value in node.items():
        yield from leaves(value, f"{path}.{key}" if path else str(key))


def each_mapping(value: object, change: Callable[[Mapping[str, object]], object]) -> object:
    """The value, in which every outermost mapping is changed. Sequences become lists."""
    if isinstance(value, list | tuple):
        return [each_mapping(item, change) for item in value]
    return change(value) if isinstance(value, Mapping) else value
