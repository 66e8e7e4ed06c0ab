"""The page about rules: its examples run, and its tables say what the code says."""

import re
from pathlib import Path

from members import PREAGGREGATORS, RULES, declaration

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def example(text):
    return next(code for code in re.findall(r"```python\n(.*?)```", PAGE, flags=re.S) if text in code)


def test_the_foreign_training_loop_learns_under_attack_and_would_not_with_the_mean():
    code = example("optimizer = ")
    told: dict[str, float] = {}
    exec(code, told)
    assert told["error"] < 0.05
    spoilt: dict[str, float] = {}
    plain = re.sub(r"direction = .*", "direction = torch.stack(gradients).mean(dim=0)", code)
    exec(plain, spoilt)
    assert not spoilt["error"] < 1


def test_every_member_is_on_the_page():
    missing = [name for name in RULES + PREAGGREGATORS if f"`{name}" not in PAGE]
    assert not missing, f"docs/rules.md needs a row in its table of rules or pre-aggregators for {', '.join(missing)}"


def test_the_table_of_laws_says_what_is_declared():
    header = next(line for line in PAGE.splitlines() if line.startswith("| | permutation"))
    columns = [cell.strip().replace("f=0 is the mean", "mean_without_liars") for cell in header.split("|")[2:-1]]
    for name in RULES + PREAGGREGATORS:
        line = next((line for line in PAGE.splitlines() if line.startswith(f"| {name} |")), None)
        assert line is not None, f"docs/rules.md needs a row in its table of laws for {name}"
        ticks = [cell.strip() == "✓" for cell in line.split("|")[2:-1]]
        assert {law for law, tick in zip(columns, ticks, strict=True) if tick} == declaration(name).laws, name
