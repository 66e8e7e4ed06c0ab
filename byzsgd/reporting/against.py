"""Own results beside a reference table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.groups import ABSENT, Comparison, phrase
from byzsgd.analysis.outcomes import outcome
from byzsgd.analysis.protocol import MINIMAX

from .table import Cell, Table

SERVER, STEP = "aggregator", "step"  # the headings that name the rows of a reference table
Reference = Mapping[tuple[str, str], float]  # (server, attack) -> accuracy


def read_reference(file: Path) -> Reference:
    """The accuracy for each server and attack, from the CSV of a protocol or of a study. Of two steps that for the
    worst attack counts. ValueError of one line where the file is no such table."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"cannot read {file}: {error}") from error
    headings = {key.strip(): key for key in (rows[0] if rows else {})}
    if SERVER not in headings:
        raise ValueError(f"{file} needs the column {SERVER}; got {', '.join(headings) or 'no row'}")
    attacks = [name.removesuffix(" seeds") for name in headings if name.endswith(" seeds")]
    accuracies: dict[tuple[str, str], float] = {}
    for row in rows:
        if STEP in headings and row[headings[STEP]] != MINIMAX:
            continue
        for attack in attacks:
            try:
                accuracies[row[headings[SERVER]], _plain(attack)] = float(row[headings[attack]])
            except (KeyError, ValueError):
                continue
    if not accuracies:
        raise ValueError(f"{file} needs accuracies of servers under attacks; got none")
    return accuracies


def against(comparison: Comparison, reference: Reference, source: str) -> Table:
    """A row for each group of runs whose server and attack the reference has: ours, theirs, the difference. `source`:
    the name of the reference. ValueError where it has none of them."""
    rows = []
    for group in comparison.groups:
        server, attack = (
            str(group.values[key] if key in group.values else comparison.shared.get(key, "–"))
            for key in (SERVER, "attack")
        )
        theirs = reference.get((server, _plain(phrase("attack", attack))))
        if theirs is not None:
            ours = estimate(outcome(run) for run in group.runs)
            rest = group.label([key for key in comparison.keys if key not in (SERVER, "attack")]) or ABSENT
            less = Cell(f"{ours.middle - theirs:+.3f}".replace("-", "−"))
            rows.append((Cell(server), Cell(attack), Cell(rest), Cell(str(ours.count)), Cell(estimate=ours),
                         Cell(f"{theirs:.3f}"), less))  # fmt: skip
    if not rows:
        raise ValueError(f"{source} needs a server and an attack of these runs; got none of {len(reference)}")
    return Table(
        name="against",
        title="Final test accuracy beside the reference",
        headings=("aggregator", "attack", "settings", "seeds", "accuracy", "reference", "difference"),
        rows=tuple(rows),
        labels=3,
        caption=f"Reference: {source}, medians, each server with the step that is best under its worst attack.",
    )


def _plain(attack: str) -> str:
    """The name of an attack, from a heading or a member: `no attack` is `none`."""
    return "none" if attack == "no attack" else attack.replace("_", " ")
