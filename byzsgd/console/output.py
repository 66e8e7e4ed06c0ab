"""All output to the screen goes through here. Data are printed literally, in the encoding of the screen, whatever it
is."""

from __future__ import annotations

import codecs
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from byzsgd.checks import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

PIPE = 400  # columns of an output of unknown width: no table is cut

# Substitutes of our own signs in an encoding that lacks them. Any other sign becomes a question mark.
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
    """Lets output replace every sign that its encoding lacks, instead of failing."""
    codecs.register_error("plainly", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plainly")


def console() -> Console:
    """The screen for tables and lines. Brackets and colons are no markup; control characters are spelled out."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE
    return _screen()(markup=False, emoji=False, highlight=False, width=width)


@cache
def _screen() -> type[Console]:
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
            """Spells out control characters in texts, which could change the terminal. Those of rich itself are no
            texts."""
            for segment in super().render(renderable, options):
                text, style, control = segment
                plain = text if control or text.isprintable() else "\n".join(map(printable, text.split("\n")))
                yield segment if plain is text else Segment(plain, style)

    return Screen


def tell(text: object, file: TextIO | None = None) -> None:
    """Prints one line on stdout, or into `file`."""
    print(printable(str(text)), file=file)


def fitted(table: Table, width: int, gives_way: Sequence[str]) -> Table:
    """The table without the first of these columns, as many as must be dropped until it fits into the width."""
    from rich.console import Console

    wide = Console(width=PIPE, markup=False, emoji=False)
    for heading in gives_way:
        if wide.measure(table).maximum <= width:
            break
        table.columns = [column for column in table.columns if column.header != heading]
        for index, column in enumerate(table.columns):
            column._index = index
    return table


@contextmanager
def loading() -> Iterator[None]:
    """Around slow imports: prints a line at once, and stops the garbage collector. Imported objects stay, and the
    collector would search all of them several times."""
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
    if "torch" in sys.modules or sys.stdout is not sys.__stdout__:  # imported already, or a Python program captures us
        yield
        return
    if console().is_terminal:
        with console().status("loading PyTorch"):
            yield
        return
    print("loading PyTorch", flush=True)
    yield
