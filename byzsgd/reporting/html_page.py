"""One self-contained HTML page for a run or a sweep. It opens from disk and loads nothing from the network."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

import byzsgd
from byzsgd.analysis.groups import Comparison, Recorded, compare
from byzsgd.records.files import write_whole, writing

from .comparing import tables
from .notes import notes_beside, title_of
from .payload import payload
from .table import Cell, Table

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("start.js", "address.js", "panels.js", "curves.js", "cells.js", "run.js", "tables.js")
TITLE = "byzsgd report"
NAME = "report.html"


def report(runs: Sequence[Recorded], output: Path, *, title: str = "", trust: bool = False) -> Path:
    """Writes the page to `output` (a file ending in .html, or a folder that gets `report.html`) and returns its path.

    Without `title`, the page takes the heading with which the `notes.md` beside the runs begins, if there is one.
    `trust`: a study of Optuna is opened wherever the folder of the runs says that it is, and not only within that
    folder. ValueError where no run was evaluated, or where plotly is not installed.
    """
    page = build(runs, title, trust)
    path = output if output.suffix == ".html" else output / NAME
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page.encode(), shared=True)  # a link of that name is replaced, not written through
    return path


def build(runs: Sequence[Recorded], title: str = "", trust: bool = False) -> str:
    """The HTML of the page."""
    of_runs = tables(runs)
    comparison = compare(runs)
    notes = notes_beside(runs)
    parts = {
        "__STYLE__": (PAGE / "page.css").read_text(encoding="utf-8"),
        "__TITLE__": escape(title or title_of(notes) or TITLE),
        "__CAPTION__": escape(comparison.caption()),
        "__NOTES__": _notes(notes),
        "__TABLES__": "\n".join(_table(table) for table in of_runs),
        "__SETTINGS__": _settings(comparison),
        "__FOOTER__": escape(f"Made by byzsgd {byzsgd.__version__} from {len(runs)} runs."),
        "__DATA__": _embedded(payload(comparison, trust)),
        "__SCRIPT__": "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "__PLOTLY__": _plotly(),
    }
    page = (PAGE / "page.html").read_text(encoding="utf-8")
    # One pass over the template, so that a mark within a part is never replaced.
    for mark in parts:
        if page.count(mark) != 1:
            raise RuntimeError(f"the page needs {mark} once; got {page.count(mark)}")
    pieces = sorted(parts, key=page.index)
    made_page = []
    start = 0
    for mark in pieces:
        index = page.index(mark)
        made_page += [page[start:index], parts[mark]]
        start = index + len(mark)
    return "".join([*made_page, page[start:]])


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise ValueError("a report needs plotly; install it with: pip install plotly") from error
    script: str = get_plotlyjs()
    return script


def _embedded(value: object) -> str:
    """JSON for a script element. No text in it can end the element."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _table(table: Table) -> str:
    others = slice(1, table.labels)  # a narrow screen shows them with the first label
    head = "".join(
        f'<th scope="col"{_named(number, table)}><button type="button">{escape(heading)}'
        f"{'' if number else _narrow(table.headings[others])}</button></th>"
        for number, heading in enumerate(table.headings)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{_named(number, table)}{_sorted_by(cell)}>{'<strong>' if cell.best else ''}{escape(cell.plain)}"
            f"{'</strong>' if cell.best else ''}{'' if number else _narrow([each.plain for each in row[others]])}</td>"
            for number, cell in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    )
    notes = escape(" ".join(table.notes))
    caption = f'<p class="notes">{escape(table.caption)}</p>' if table.caption else ""
    return (
        f'<div class="scroll"><table class="sorts"><caption>{escape(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{caption}"
        f'<details class="notes"><summary>How it was got, and what all runs share</summary><p>{notes}</p></details>'
    )


def _narrow(names: Sequence[str]) -> str:
    return "".join(f'<span class="narrow">, {escape(name)}</span>' for name in names)


def _sorted_by(cell: Cell) -> str:
    """The attribute by which a column is sorted: the number of an estimate. Words are sorted as they are shown."""
    if cell.estimate is None or math.isnan(cell.estimate.middle):
        return ""
    return f' data-value="{str(cell.estimate.middle).replace("inf", "Infinity")}"'


def _notes(notes: str) -> str:
    if not notes:
        return ""
    return (
        '<section id="notes"><h2>Notes</h2><p class="notes">From notes.md beside the runs, as somebody wrote it: no '
        f'part of the record, and not vouched for.</p><div class="written">{escape(notes)}</div></section>'
    )


def _named(number: int, table: Table) -> str:
    return ' class="name"' if number < table.labels else ""


def _settings(comparison: Comparison) -> str:
    """The settings that differ, with their values, and those that all runs share."""
    differing = "".join(
        f'<tr><th scope="row" class="name">{escape(key)}</th><td class="name">'
        f"{escape(', '.join(str(value) for value in comparison.values(key)))}</td></tr>"
        for key in comparison.keys
    )
    shared = "".join(
        f'<tr><th scope="row" class="name">{escape(key)}</th><td class="name">{escape(str(value))}</td></tr>'
        for key, value in sorted(comparison.shared.items())
    )
    differences = (
        f'<h3>What differs</h3><div class="scroll"><table>{differing}</table></div>'
        if differing
        else "<p>All runs have the same settings.</p>"
    )
    return (
        f'{differences}<details><summary>What all runs share</summary><div class="scroll"><table>{shared}</table></div>'
        "</details>"
    )
