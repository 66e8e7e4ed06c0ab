"""The list of mutations fits the code as it is."""

from __future__ import annotations

import ast
import shlex

import pytest
from mutate import ROOT, mutations

LISTED = mutations()


def test_there_are_enough():
    assert len(LISTED) >= 60
    folders = {each.file.split("/")[0] for each in LISTED}
    assert folders >= {"kernel", "schemes", "aggregators", "records", "analysis", "plotting"}


@pytest.mark.parametrize("each", LISTED, ids=str)
def test_a_mutation_changes_one_place_and_names_tests(each):
    text = (ROOT / "byzsgd" / each.file).read_text(encoding="utf-8")
    mutated = each.of(text)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(text))
    named = [word for word in shlex.split(each.tests) if word.startswith("tests/")]
    assert named
    assert all((ROOT / word).exists() for word in named)
