"""The one form of every error, `<who> needs <condition>; got <values>`. Also names and settings as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, surrogate, line and paragraph ends


def require(condition: bool, who: str, needs: str, **values: object) -> None:
    """Raises ValueError(`<who> needs <needs>; got a=…, b=…`) unless the condition holds."""
    if not condition:
        got = ", ".join(f"{name}={spelled(value)}" for name, value in values.items())
        raise ValueError(f"{who} needs {needs}; got {got}")


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
