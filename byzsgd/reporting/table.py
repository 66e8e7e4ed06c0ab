"""A table, and its formats: screen, CSV, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from byzsgd.analysis.estimates import NOTHING, Estimate
from byzsgd.checks import printable
from byzsgd.records.files import write_whole, writing


@dataclass(frozen=True)
class Cell:
    """A cell of a table: a text or an estimate."""

    text: str = ""
    estimate: Estimate | None = None
    digits: int = 3
    sign: bool = False
    best: bool = False
    note: str = ""

    @property
    def plain(self) -> str:
        """The cell as text, with its note."""
        shown = self.text if self.estimate is None else self.estimate.text(self.digits, self.sign)
        return printable(" ".join(part for part in (shown, self.note) if part))


@dataclass(frozen=True)
class Table:
    """Headings and rows of cells. The first `labels` columns name the row."""

    name: str  # the name of its file
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int
    caption: str = ""  # the meaning of the numbers, in a few words
    notes: tuple[str, ...] = ()  # how they were computed, and what all rows share

    def only(self, headings: Sequence[str]) -> Table:
        """The table with only these columns, and the labels of its rows."""
        kept = [number for number, name in enumerate(self.headings) if number < self.labels or name in headings]
        rows = tuple(tuple(row[number] for number in kept) for row in self.rows)
        return replace(self, headings=tuple(self.headings[number] for number in kept), rows=rows)


def chosen(tables: Sequence[Table], headings: Sequence[str]) -> list[Table]:
    """The tables that have some of these columns, with only these. ValueError for a column that no table has."""
    columns = dict.fromkeys(name for table in tables for name in table.headings[table.labels :])
    for name in headings:
        if name not in columns:
            raise ValueError(f"no column {name!r}; there are {', '.join(columns)}")
    return [table.only(headings) for table in tables if set(headings) & set(table.headings[table.labels :])]


def to_rich(table: Table, width: int) -> RenderableType:
    """The table for a screen of `width` characters. If its words do not fit side by side, every row is a block."""
    columns = zip(table.headings, *([cell.plain for cell in row] for row in table.rows), strict=True)
    least = sum(3 + max(len(word) for text in column for word in (text.split() or [""])) for column in columns) + 1
    return _stacked(table) if least > width else _side_by_side(table)


def _stacked(table: Table) -> RenderableType:
    """Every row as a block with one line for each heading."""
    lines = [Text(table.title, style="italic")]
    for row in table.rows:
        lines.append(Text(", ".join(cell.plain for cell in row[: table.labels]) or "all", style="bold"))
        for heading, cell in list(zip(table.headings, row, strict=True))[table.labels :]:
            lines.append(Text.assemble(f"  {heading}: ", (cell.plain, "bold" if cell.best else "")))
    return Group(*lines, *(Text(note, style="dim italic") for note in _below(table)))


def _below(table: Table) -> list[str]:
    return [*[table.caption] * bool(table.caption), *table.notes]


def _side_by_side(table: Table) -> RichTable:
    made = RichTable(title=table.title, title_justify="left", caption="\n".join(_below(table)), caption_justify="left")
    for number, heading in enumerate(table.headings):
        made.add_column(heading, justify="left" if number < table.labels else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(cell.plain, style="bold" if cell.best else "") for cell in row))
    return made


PARTS = ("low", "high", "seeds", "diverged")  # columns of an estimate in a CSV file, beside its middle


def to_csv(table: Table) -> str:
    """The table as CSV in full precision. An estimate takes five columns: its middle (inf or -inf if half of the runs
    were lost), both ends of its range or interval, the number of runs, and how many of them diverged."""
    wide = [any(row[number].estimate is not None for row in table.rows) for number in range(len(table.headings))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    headings: list[str] = []
    for heading, estimated in zip(table.headings, wide, strict=True):
        heading = _no_formula(heading)
        headings += [heading, *(f"{heading} {part}" for part in PARTS)] if estimated else [heading]
    writer.writerow(headings)
    for row in table.rows:
        values: list[object] = []
        for cell, estimated in zip(row, wide, strict=True):
            if not estimated:
                values.append(_no_formula(cell.plain))
            elif cell.estimate is None:
                values += ["" if cell.text == NOTHING else _no_formula(cell.plain), *("" for _ in PARTS)]
            else:
                result = cell.estimate
                values.append("" if math.isnan(result.middle) else f"{result.bound}{result.middle}")
                values += ["" if math.isnan(end) else end for end in (result.low, result.high)]
                values += [result.count, result.lost]
        writer.writerow(values)
    return text.getvalue()


def _no_formula(text: str) -> str:
    """The text with a quote in front if a spreadsheet would execute it as a formula. Numbers stay as they are."""
    try:
        return f"'{text}" if text.startswith(("=", "+", "-", "@")) and math.isnan(float(text)) else text
    except ValueError:
        return f"'{text}"


_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_MARKS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*[]<>|$~#"})


def to_markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with the best cells in bold."""
    lines = [f"**{_unmarked(table.title)}**", "", _markdown_row([_unmarked(heading) for heading in table.headings])]
    rules = ["---" if number < table.labels else "---:" for number in range(len(table.headings))]
    lines.append(_markdown_row(rules))
    for row in table.rows:
        shown = [_unmarked(cell.plain) for cell in row]
        lines.append(
            _markdown_row([f"**{text}**" if cell.best else text for text, cell in zip(shown, row, strict=True)])
        )
    lines += ["", *(f"{_unmarked(note)}  " for note in _below(table))]
    return "\n".join(lines).rstrip() + "\n"


def _unmarked(text: str) -> str:
    """The text with escaped marks of Markdown. An underscore within a word is no mark."""
    return _UNDERSCORE.sub(r"\\_", text.translate(_MARKS))


def _markdown_row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "±": r"$\pm$", "λ": r"$\lambda$",
    "×": r"$\times$", "Δ": r"$\Delta$", "≥": r"$\geq$", "\u00a0": "~", "−": "$-$", "·": r"$\cdot$",
    "…": r"\ldots{}", "<": "$<$", ">": "$>$",
}  # fmt: skip


def escape(text: str) -> str:
    """The text with escaped special characters of LaTeX."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def to_latex(table: Table) -> str:
    """The table as a LaTeX float with booktabs rules, no wider than its column of text. The best cells are in bold, and
    the notes stand below."""
    columns = "l" * table.labels + "r" * (len(table.headings) - table.labels)
    caption = " ".join(part for part in (f"{table.title}.", table.caption) if part)
    lines = [
        r"% needs \usepackage{adjustbox,booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(caption)}}}",
        rf"  \label{{tab:{table.name}}}",
        r"  \begin{adjustbox}{max width=\columnwidth}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        "    " + " & ".join(escape(heading) for heading in table.headings) + r" \\",
        r"    \midrule",
        *("    " + " & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \end{adjustbox}",
        *[rf"  \par\smallskip\parbox{{\columnwidth}}{{\footnotesize {escape(' '.join(table.notes))}}}"]
        * bool(table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: Cell) -> str:
    text = escape(cell.plain)
    return rf"\textbf{{{text}}}" if cell.best else text


WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def require_formats(formats: Sequence[str]) -> None:
    """ValueError for an unknown format of tables."""
    for form in formats:
        if form not in WRITERS:
            raise ValueError(f"no table format {form!r}; there are {', '.join(WRITERS)}")


def write(tables: Sequence[Table], output: Path, formats: Sequence[str] = ("csv", "md", "tex")) -> list[Path]:
    """One file for each table and format; ValueError for an unknown format or a folder that cannot be written."""
    require_formats(formats)
    paths = []
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    for table in tables:
        for form in formats:
            paths.append(output / f"{table.name}.{form}")
            write_whole(paths[-1], WRITERS[form](table).encode(), shared=True)
    return paths
