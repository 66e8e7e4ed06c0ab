"""Notes that a user keeps beside runs. A page shows them literally. They are no part of the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from byzsgd.analysis.groups import Recorded
from byzsgd.records.reading import MOST_TEXT, contents

NOTES = "notes.md"  # in the folder of a run or of a sweep
LONGEST = 20_000  # characters that are shown


def notes_of(folder: Path | None) -> str:
    """The notes in a folder; empty: there are none."""
    try:
        text = "" if folder is None else contents(folder, NOTES, MOST_TEXT).decode(errors="replace").strip()
    except ValueError:
        return ""
    return text if len(text) <= LONGEST else text[:LONGEST] + "\n[…]"


def notes_beside(runs: Sequence[Recorded]) -> str:
    """The notes in the folders around the runs, such as that of their sweep."""
    folders = dict.fromkeys(run.folder.parent for run in runs if run.folder is not None)
    return "\n\n".join(filter(None, map(notes_of, folders)))


def title_of(notes: str) -> str:
    """The heading with which the notes begin; empty: they begin with something else."""
    first = notes.partition("\n")[0]
    return first.removeprefix("# ").strip() if first.startswith("# ") else ""
