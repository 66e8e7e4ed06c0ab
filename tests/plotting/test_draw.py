"""From runs to files."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest
from made_up_runs import run, sweep
from matplotlib.image import imread

from byzsgd.plotting import draw


def names(paths):
    return sorted(path.name for path in paths)


def test_all_that_the_runs_have_rows_for(tmp_path):
    written = draw([run()], tmp_path / "figures", formats=("png", "svg"))
    assert all(path.stat().st_size > 2000 for path in written)
    kinds = ("accuracy-arrivals", "loss-arrivals", "acceptance-arrivals", "coefficients")
    assert set(names(written)) >= {f"{kind}.{form}" for kind in kinds for form in ("png", "svg")}
    assert not any("suboptimality" in path.name for path in written)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for form in ("png", "svg", "pdf"):
        first, second = (
            draw([run()], tmp_path / name, kinds=["acceptance"], formats=[form])[0].read_bytes() for name in "ab"
        )
        assert first == second


@pytest.mark.parametrize(("width", "inches"), [("column", 3.5), ("page", 7.16)])
def test_a_figure_is_as_wide_as_it_is_asked_to_be(tmp_path, width, inches):
    runs = sweep(("asgd", "kardam"), ("none", "lie", "reversed"), 1, arrivals=120)
    written = draw(runs, tmp_path, kinds=["accuracy", "heatmap", "timeline"], formats=["png"], width=width)
    assert [imread(path).shape[1] for path in written] == [int(200 * inches)] * 3


def test_fonts_of_a_pdf_are_embedded_as_truetype(tmp_path):
    (path,) = draw([run()], tmp_path, kinds=["accuracy"], x=["updates"], formats=["pdf"])
    content = path.read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kinds": ["acuracy"]}, "no kind 'acuracy'; there are acceptance, accuracy,"),
        ({"x": ["epochs"]}, "no x axis 'epochs'; there are updates, time, arrivals"),
        ({"formats": ["jpg"]}, "no format 'jpg'; there are png, svg, pdf"),
        ({"width": "poster"}, "no width 'poster'; there are column, page"),
        ({"kinds": ["suboptimality"]}, "suboptimality needs runs"),
    ],
)
def test_what_cannot_be_drawn_is_said(tmp_path, asked, message):
    with pytest.raises(ValueError, match=message):
        draw([run()], tmp_path, **asked)
    assert not list(tmp_path.iterdir())


def test_one_kind_of_several_that_has_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(ValueError, match="suboptimality needs runs"):
        draw([run()], tmp_path, kinds=["acceptance", "suboptimality"], formats=["png"])


def test_runs_that_have_only_begun(tmp_path):
    begun = dataclasses.replace(
        run(), metrics=run().metrics.clear(), arrivals=run().arrivals.clear(), info={"status": "unfinished"}
    )
    with pytest.raises(ValueError, match="plot needs runs with rows for some figure .*; got runs=1"):
        draw([begun], tmp_path)
    written = draw([begun, run(seed=1)], tmp_path, formats=["png"])
    assert "accuracy-arrivals.png" in names(written)


def test_nan_and_null_metrics(tmp_path):
    holes = run().metrics.with_columns(
        test_accuracy=pl.lit(None, pl.Float64), test_loss=pl.lit(float("nan")), train_loss=pl.lit(None, pl.Float64)
    )
    written = draw([dataclasses.replace(run(), metrics=holes)], tmp_path, formats=["png"])
    assert names(written)[0] == "acceptance-arrivals.png"
    assert not any("accuracy" in path.name or "loss" in path.name for path in written)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        draw([run()], tmp_path / "taken", formats=["png"])


@pytest.mark.slow
def test_two_hundred_runs(tmp_path):
    servers = tuple(f"server_{number}" for number in range(20))
    runs = sweep(servers, ("none", "lie", "ipm", "gaussian", "reversed"), 2, arrivals=120)
    assert len(runs) == 200
    written = draw(runs, tmp_path, formats=["png"])
    assert "accuracy-arrivals.png" in names(written)
