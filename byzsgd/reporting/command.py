"""The commands that make a run, or a figure, again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from byzsgd.analysis.groups import Recorded
from byzsgd.checks import leaves
from byzsgd.records.identity import NOT_SETTINGS, is_among
from byzsgd.records.origin import CODE, DIGEST
from byzsgd.records.plan import typed_words


def train_command(run: Recorded) -> str:
    """`byzsgd train` as it was typed; where nobody knows, with every member chosen and every setting spelled."""
    words = ["byzsgd", "train"]
    if run.folder is not None and (typed := typed_words(run.folder)) is not None:
        return shlex.join([*words, *typed])
    if any(key.endswith((f".{CODE}", f".{DIGEST}")) for key, _ in leaves(run.config)):
        return "# no command: parts of this run were made in Python"
    for group, member in sorted(run.choices.items(), key=lambda choice: (choice[0].count("/"), choice[0])):
        if group not in NOT_SETTINGS and member is not None:
            words.append(f"{group}={member}")
    words += [f"{key}={_written(value)}" for key, value in leaves(run.config) if _wanted(key)]
    return shlex.join(words)


def plot_command(runs: Sequence[Recorded], *arguments: str) -> str:
    """`byzsgd plot` of the folders that hold these runs."""
    folders = [run.folder for run in runs if run.folder is not None]
    parents = sorted({folder.parent for folder in folders})
    places = sorted(folders) if len(folders) < 4 else parents
    return shlex.join(["byzsgd", "plot", *(str(Path(place)) for place in places), *arguments])


def _wanted(key: str) -> bool:
    return not is_among(key, NOT_SETTINGS) and not key.rpartition(".")[2].startswith("_")


def _written(value: object) -> str:
    """As Hydra's override grammar reads it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(item) for item in value) + "]"
    if isinstance(value, str) and not value.replace("_", "a").replace(".", "a").replace("-", "a").isalnum():
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
