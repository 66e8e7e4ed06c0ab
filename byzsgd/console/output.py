"""The one place that writes to the screen: it says data as they are, in whatever encoding the screen has."""

from __future__ import annotations

import codecs
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Our own signs where an encoding lacks them; anything else becomes a question mark.
_PLAIN = {
    **{"–": "-", "—": "-", "−": "-", "…": ".", "×": "x", "·": ".", "±": "~", "→": ">", "≥": ">", "≤": "<", "‖": "|"},
    **{"λ": "l", "Δ": "d", "κ": "k", "α": "a", "β": "b", "σ": "s", "²": "2", "\u00a0": " ", "█": "#", "━": "-"},
    **dict(zip("▁▂▃▄▅▆▇", "1234567", strict=True)),
}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def speak_any_encoding() -> None:
    """Nothing that is said can fail for want of a letter."""
    codecs.register_error("plainly", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plainly")


def console() -> Console:
    """The screen for tables and lines: square brackets and colons in what it is given are letters."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)
