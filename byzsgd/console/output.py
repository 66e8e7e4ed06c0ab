"""The one place that writes to the screen: it says data as they are, in whatever encoding the screen has."""

from __future__ import annotations

import codecs
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from byzsgd.checks import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE = 400  # columns, where nobody says how wide the output is: nothing is cut

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
    """The screen for tables and lines: brackets, colons and control characters in what it is given are letters."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE
    return _screen()(markup=False, emoji=False, highlight=False, width=width)


@cache
def _screen() -> type[Console]:
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        def render(self, renderable: Any, options: Any = None) -> Any:
            """What the names in it would do to the terminal is spelled out; what rich itself does is no text."""
            for segment in super().render(renderable, options):
                text, style, control = segment
                plain = text if control or text.isprintable() else "\n".join(map(printable, text.split("\n")))
                yield segment if plain is text else Segment(plain, style)

    return Screen


def tell(text: object, file: TextIO | None = None) -> None:
    """One line on stdout, or `file`."""
    print(printable(str(text)), file=file)


def fitted(table: Table, width: int, gives_way: Sequence[str]) -> Table:
    """The table less those of the named columns, in this order, without which it fits."""
    from rich.console import Console

    wide = Console(width=PIPE, markup=False, emoji=False)
    for heading in gives_way:
        if wide.measure(table).maximum <= width:
            break
        table.columns = [column for column in table.columns if column.header != heading]
        for place, column in enumerate(table.columns):
            column._index = place
    return table


@contextmanager
def loading() -> Iterator[None]:
    """A first word at once, while what is slow to import is imported. The garbage collector waits: what is imported
    stays, and it would look through all of it several times."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _first_word():
            yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _first_word() -> Iterator[None]:
    if "torch" in sys.modules or sys.stdout is not sys.__stdout__:  # somebody reads us from within
        yield
        return
    if console().is_terminal:
        with console().status("loading PyTorch"):
            yield
        return
    print("loading PyTorch", flush=True)
    yield
