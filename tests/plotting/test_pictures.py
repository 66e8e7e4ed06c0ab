"""The main figures look as they did when somebody last looked at them.

Letters are not compared, since fonts are drawn differently by releases of the font library: they are made transparent,
and what they still do is to move a panel by a pixel. Therefore pictures are compared as averages over blocks of 10×10
pixels. Measured, as root mean square of 255: the same figure differs by 0; with all letters of the axes 3 % larger by
0 to 1.8; without its first curve (cell, cloud of dots) by 2.6 to 26. After an intended change:

    BYZSGD_NEW_PICTURES=1 python -m pytest tests/plotting/test_pictures.py

and look at what is in tests/plotting/pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import run, sweep
from matplotlib.image import imread, imsave
from matplotlib.text import Text

from byzsgd.analysis import compare
from byzsgd.plotting import acceptance, coefficients, heatmap, progress, staleness, timeline
from byzsgd.plotting.style import styled

PICTURES = Path(__file__).parent / "pictures"
BLOCK = 10
TOLERANCE = 2.2  # of 255, root mean square over the blocks
DPI = 70

FIGURES = {
    "accuracy": lambda: progress(compare(sweep(("asgd", "kardam"), ("none", "reversed", "lie"), 3))),
    "loss_time": lambda: progress(compare(sweep(("asgd", "kardam"), ("lie",), 3)), metric="test_loss", x="time"),
    "acceptance": lambda: acceptance(compare([run(seed=seed) for seed in range(3)])),
    "coefficients": lambda: coefficients(compare([run()])),
    "heatmap": lambda: heatmap(compare(sweep(("asgd", "kardam", "krum"), ("none", "reversed", "lie"), 2))),
    "staleness": lambda: staleness(compare([run(seed=seed) for seed in range(2)])),
    "timeline": lambda: timeline(compare([run()])),
}


def picture(figure):
    """(height, width, 3) colours 0 … 255, without letters."""
    with styled():
        figure.set_dpi(DPI)
        figure.canvas.draw()
        for text in figure.findobj(Text):
            text.set_alpha(0)
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(float)


def blocks(colours):
    height, width = (side // BLOCK for side in colours.shape[:2])
    cut = colours[: height * BLOCK, : width * BLOCK]
    return cut.reshape(height, BLOCK, width, BLOCK, 3).mean(axis=(1, 3))


def difference(first, second):
    assert first.shape == second.shape
    return float(np.sqrt(((blocks(first) - blocks(second)) ** 2).mean()))


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_looks_as_it_did(name):
    drawn = picture(FIGURES[name]())
    path = PICTURES / f"{name}.png"
    if os.environ.get("BYZSGD_NEW_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        imsave(path, drawn.astype(np.uint8))
    stored = imread(path)[..., :3] * 255
    assert difference(drawn, stored) < TOLERANCE


def test_a_missing_curve_is_seen():
    figure = FIGURES["accuracy"]()
    whole = picture(figure)
    figure.axes[2].lines[0].remove()
    assert difference(whole, picture(figure)) > TOLERANCE
