"""One way to say that something cannot work: `<who> needs <condition>; got <values>`."""

from __future__ import annotations


def require(condition: bool, who: str, needs: str, **values: object) -> None:
    """Raises ValueError(`<who> needs <needs>; got a=…, b=…`) unless the condition holds."""
    if not condition:
        got = ", ".join(f"{name}={spelled(value)}" for name, value in values.items())
        raise ValueError(f"{who} needs {needs}; got {got}")


def spelled(value: object) -> str:
    """A value as it is typed in a configuration."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
