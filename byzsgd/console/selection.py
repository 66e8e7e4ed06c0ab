"""Which runs of a folder are meant: `--select aggregator=kardam,krum --select seed=0`."""

from __future__ import annotations

from collections.abc import Sequence

from byzsgd.analysis.groups import typed_value
from byzsgd.checks import require
from byzsgd.records import Run


def selected(runs: Sequence[Run], words: Sequence[str]) -> list[Run]:
    """The runs whose choices and settings have one of the values of every word. ValueError for a word that is no
    KEY=VALUE, for a key that no run has, and for a value that none of them has."""
    kept = list(runs)
    for word in words:
        key, equals, told = word.partition("=")
        require(bool(equals and key and told), "--select", "KEY=VALUE,VALUE…", select=word)
        values = told.split(",")
        known = {typed_value(run, key) for run in runs} - {None}
        require(bool(known), "--select", "a choice or a setting of these runs", key=key)
        for value in values:
            require(value in known, "--select", f"a value of {key}: {', '.join(sorted(map(str, known)))}", value=value)
        kept = [run for run in kept if typed_value(run, key) in values]
    require(bool(kept), "--select", "words that some run fits", select=" ".join(words))
    return kept
