"""What `compare` writes."""

from __future__ import annotations

import csv
import dataclasses
import io
import math

import polars as pl
import pytest
from made_up_runs import run, sweep
from rich.console import Console

from byzsgd.analysis.estimates import estimate
from byzsgd.reporting import Table, chosen, tables, to_rich, write
from byzsgd.reporting.table import Cell, escape, to_csv, to_latex, to_markdown


def small():
    return sweep(("asgd", "kardam"), ("none", "reversed"), 3)


def by_name(runs):
    return {table.name: table for table in tables(runs)}


def test_a_sweep_of_servers_and_attacks_has_three_tables():
    made = by_name(small())
    assert list(made) == ["accuracy", "outcomes", "filters"]
    assert made["accuracy"].headings == ("aggregator", "no attack", "reversed")
    asgd, kardam = made["accuracy"].rows
    assert asgd[2].plain == "diverged"
    assert (asgd[2].best, kardam[2].best) == (False, True)
    assert [cell.best for cell in asgd + kardam].count(True) == 1  # without attack they cannot be told apart


def test_a_single_run_has_no_rivals():
    (outcomes, filters) = tables([run()])
    assert outcomes.headings == (
        "final accuracy", "honest accepted %", "Byzantine accepted %", "staleness", "max staleness", "seeds",
    )  # fmt: skip
    assert not any(cell.best for cell in outcomes.rows[0])
    assert [row[0].text for row in filters.rows] == ["lipschitz", "frequency"]


def test_differences_and_slowdowns_have_their_reference():
    table = by_name(small())["outcomes"]
    delta, slow = (table.headings.index(name) for name in ("Δ to asgd", "slowdown_asgd"))
    rows = {(row[0].text, row[1].text): row for row in table.rows}
    assert rows["asgd", "reversed"][delta].text == "–"
    assert rows["kardam", "reversed"][delta].estimate.middle == math.inf  # its reference diverged
    assert rows["kardam", "none"][delta].plain.startswith(("+0.0", "−0.0"))
    assert rows["asgd", "reversed"][slow].plain == "diverged"
    assert rows["asgd", "none"][slow].text == "–"
    assert "slowdown_asgd: asgd" in " ".join(table.notes)
    assert "Median and range of the seeds" in table.caption


def test_nobody_is_let_pass_where_nobody_lies():
    table = by_name(small())["filters"]
    for row in table.rows:
        cells = [cell.text for cell in row]
        assert ("none" in cells) == (row[-1].text == "–")


def test_a_regression_is_judged_by_its_loss():
    runs = [
        dataclasses.replace(made, metrics=made.metrics.with_columns(test_accuracy=pl.lit(None, pl.Float64)))
        for made in sweep(("kardam", "krum"), ("lie",), 2)
    ]
    (outcomes, *_) = tables(runs)
    assert "final loss" in outcomes.headings
    assert not any(row[1].best for row in outcomes.rows)  # two seeds tell nothing apart


def losses(values, aggregator):
    """Runs of a problem without classes; None: the run diverged."""
    runs = []
    for seed, value in enumerate(values):
        made = run(aggregator, "lie", seed, status="finished" if value else "diverged", arrivals=200)
        rows = made.metrics.with_columns(
            test_accuracy=pl.lit(None, pl.Float64), test_loss=pl.lit(math.nan if value is None else value)
        )
        runs.append(dataclasses.replace(made, metrics=rows))
    return runs


def test_survivors_do_not_win_over_those_that_all_arrive():
    runs = losses([0.042, None, None, None], "asgd") + losses([0.05, 0.051, 0.049, 0.05], "kardam")
    made = by_name(runs)["outcomes"]
    place = made.headings.index("final loss")
    asgd, kardam = (row[place] for row in made.rows)
    assert asgd.plain == "1/4 ok (0.042)"
    assert not asgd.best
    header, first, second = csv.reader(io.StringIO(to_csv(made)))
    assert (first[header.index("final loss")], first[header.index("final loss diverged")]) == ("inf", "3")
    assert float(second[header.index("final loss")]) == 0.05


def test_mixed_outcomes_are_said():
    good = [
        dataclasses.replace(each, info=each.info | {"status": "finished"}) for each in sweep(("kardam",), ("lie",), 2)
    ]
    lost = run(attack="lie", seed=2, status="diverged")
    (outcomes, *_) = tables([*good, lost])
    place = outcomes.headings.index("final accuracy")
    assert outcomes.rows[0][place].plain.startswith("2/3 ok, median 0.")


def test_runs_that_have_only_begun():
    begun = dataclasses.replace(run(), metrics=run().metrics.clear(), arrivals=run().arrivals.clear())
    with pytest.raises(ValueError, match="a comparison needs runs that were evaluated; got 1 without a row"):
        tables([begun])
    table = tables([begun, run("asgd")])[0]
    assert any(cell.plain == "–" for row in table.rows for cell in row)


ROW = (
    Cell("a_b & c"),
    Cell(estimate=estimate([0.12345, 0.11, 0.13]), best=True),
    Cell(estimate=estimate([-0.5]), sign=True, note="(stalled)"),
)
TABLE = Table("t", "50 % of it", ("server", "accuracy", "Δ"), (ROW,), 1, "Medians.", ("A note.",))


def test_csv_has_full_precision_and_the_number_of_seeds():
    heading, row = csv.reader(io.StringIO(to_csv(TABLE)))
    parts = ("low", "high", "seeds", "diverged")
    assert heading == [
        "server",
        *("accuracy", *(f"accuracy {part}" for part in parts)),
        "Δ",
        *(f"Δ {part}" for part in parts),
    ]
    assert row == ["a_b & c", "0.12345", "0.11", "0.13", "3", "0", "-0.5", "-0.5", "-0.5", "1", "0"]


def test_markdown_has_the_best_in_bold():
    assert "| a_b & c | **0.123 (0.110 … 0.130)** | −0.500 (stalled) |" in to_markdown(TABLE).splitlines()


def test_latex_is_escaped_and_has_the_best_in_bold():
    text = to_latex(TABLE)
    assert r"a\_b \& c & \textbf{0.123 (0.110 \ldots{} 0.130)} & $-$0.500 (stalled) \\" in text
    assert r"\caption{50 \% of it. Medians.}" in text
    assert r"{\footnotesize A note.}" in text
    assert text.startswith("% needs \\usepackage{adjustbox,booktabs}\n")
    assert text.count("adjustbox") == 3 and r"max width=\columnwidth" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"server & accuracy & $\Delta$ \\" in text
    assert escape("λ~\\") == r"$\lambda$\textasciitilde{}\textbackslash{}"


def test_every_row_of_latex_has_all_columns():
    for table in tables(small()):
        lines = [line for line in to_latex(table).splitlines() if line.endswith(r"\\")]
        assert {line.replace(r"\&", "").count("&") for line in lines} == {len(table.headings) - 1}


def test_captions_are_short_and_the_settings_stand_in_the_note():
    for table in tables(small()):
        assert len(f"{table.title}. {table.caption}".split()) < 40
        assert "n = 15" not in table.caption
        assert "n = 15" in " ".join(table.notes)


def test_columns_are_chosen_and_the_names_of_rows_stay():
    made = chosen(tables(small()), ["final accuracy", "false positives %"])
    assert [table.headings for table in made] == [
        ("aggregator", "attack", "final accuracy"),
        ("aggregator", "attack", "filter", "false positives %"),
    ]
    assert all(len(row) == len(table.headings) for table in made for row in table.rows)
    with pytest.raises(ValueError, match="no column 'accuracy'; there are no attack, reversed, final accuracy"):
        chosen(tables(small()), ["accuracy"])


def test_an_infinite_loss_is_no_divergence():
    runs = [
        dataclasses.replace(made, info=made.info | {"status": "finished"})
        for made in losses([math.inf, math.inf], "asgd") + losses([0.1, 0.2], "kardam")
    ]
    rows = by_name(runs)["outcomes"].rows
    assert [row[1].plain for row in rows] == ["inf", "0.150 (0.100 … 0.200)"]


def test_the_screen_shows_everything():
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(small()):
        console.print(to_rich(table, console.width))
    text = console.export_text()
    for expected in ("kardam", "diverged", "Holm", "lipschitz", "λ = "):
        assert expected in text


def test_files_are_written(tmp_path):
    paths = write(tables(small()), tmp_path / "tables")
    assert sorted(path.name for path in paths) == sorted(
        f"{name}.{form}" for name in ("accuracy", "outcomes", "filters") for form in ("csv", "md", "tex")
    )
    with pytest.raises(ValueError, match="no table format 'xls'; there are csv, md, tex"):
        write([TABLE], tmp_path, ["xls"])
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        write([TABLE], tmp_path / "file")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_word_is_broken_on_a_narrow_screen(width):
    for table in tables(small()):
        console = Console(file=io.StringIO(), width=width)
        console.print(to_rich(table, width))
        shown = console.file.getvalue()
        assert max(map(len, shown.splitlines())) <= width
        words = set(shown.replace(":", " ").replace(",", " ").split())
        wanted = {word for row in table.rows for cell in row for word in cell.plain.split()}
        wanted |= {word for heading in table.headings[table.labels :] for word in heading.split()}
        assert wanted <= words


def with_bits(made, each):
    return dataclasses.replace(made, metrics=made.metrics.with_columns(bits_up=pl.col("arrivals") * each))


def test_bits_to_reach_an_accuracy_stand_where_compressors_differ():
    signs = [with_bits(run("krum", "none", seed, choices={"compressor": "sign"}), 1000.0) for seed in range(2)]
    plain = [with_bits(run("krum", "none", seed, choices={"compressor": "none"}), 32_000.0) for seed in range(2)]
    table = by_name([*signs, *plain])["outcomes"]
    place = table.headings.index("Mbit to reach")
    few, many = (next(row for row in table.rows if row[0].text == name)[place].estimate for name in ("sign", "none"))
    assert many.middle == pytest.approx(32 * few.middle)
    assert 0 < few.middle <= 0.6
    assert "90 % of the best" in " ".join(table.notes)
    assert "Mbit to reach" not in by_name(small())["outcomes"].headings
    # Runs of before bits were summed up do not know.
    old = dataclasses.replace(signs[0], metrics=signs[0].metrics.drop("bits_up"))
    cells = [row[place] for row in by_name([old, *plain])["outcomes"].rows]
    assert math.isnan(next(cell.estimate.middle for cell in cells if math.isnan(cell.estimate.middle)))
