"""The selection of runs in a folder: `--select aggregator=kardam,krum --select seed=0`."""

from __future__ import annotations

from collections.abc import Sequence

from byzsgd.analysis.groups import typed_value
from byzsgd.checks import require
from byzsgd.records import Run


def selected(runs: Sequence[Run], words: Sequence[str]) -> list[Run]:
    """The runs that match every word KEY=VALUE,VALUE…: their choice or setting KEY has one of the values. ValueError
    for a word of another form, for a key that no run has, and for a value that no run has."""
    kept = list(runs)
    for word in words:
        key, equals, text = word.partition("=")
        require(bool(equals and key and text), "--select", "KEY=VALUE,VALUE…", select=word)
        values = text.split(",")
        options = {typed_value(run, key) for run in runs} - {None}
        require(bool(options), "--select", "a choice or a setting of these runs", key=key)
        needs = f"a value of {key}: {', '.join(sorted(map(str, options)))}"
        for value in values:
            require(value in options, "--select", needs, value=value)
        kept = [run for run in kept if typed_value(run, key) in values]
    require(bool(kept), "--select", "words that some run fits", select=" ".join(words))
    return kept
