"""`python -m plots [NAME …]`: runs the experiments that are missing and redraws the figures of README and docs, and the
pages and figures of the studies."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol, cast

from matplotlib.figure import Figure

import plots
from byzsgd.analysis import Comparison, compare
from byzsgd.config import named_files
from byzsgd.plotting import save
from byzsgd.records import find_runs, load

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = ROOT / "conf" / "experiment"
OUTPUTS = ROOT / "outputs" / "figures"
FIGURES = ROOT / "docs" / "figures"
STUDIES = ROOT / "docs" / "studies"
COMPLETE = "COMPLETE"  # in the folder of a sweep: which version of its experiment was run to the end


class Recipe(Protocol):
    """A module of this package. It names the experiment that its runs come from; `BESIDE`, if it has any: further
    experiments whose runs stand beside."""

    EXPERIMENT: str

    def figure(self, comparison: Comparison) -> Figure: ...


def recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(plots.__path__) if not module.name.startswith("_"))
    return {name: cast(Recipe, importlib.import_module(f"plots.{name}")) for name in names}


def runs_of(experiment: str) -> Path:
    """The folder of a sweep, run now unless this very experiment was run to the end before."""
    folder = OUTPUTS / experiment
    version = hashlib.blake2b((EXPERIMENTS / f"{experiment}.yaml").read_bytes(), digest_size=8).hexdigest()
    marker = folder / COMPLETE
    if not (marker.is_file() and marker.read_text(encoding="utf-8").strip() == version):
        _byzsgd(["train", "-m", f"experiment={experiment}", f"hydra.sweep.dir={folder}"])
        marker.write_text(version + "\n", encoding="utf-8")
    return folder


def comparison_of(recipe: Recipe) -> Comparison:
    """The runs of a recipe, made now where they are missing."""
    experiments = (recipe.EXPERIMENT, *getattr(recipe, "BESIDE", ()))
    return compare([load(run) for each in experiments for run in find_runs(runs_of(each))])


def _byzsgd(command: list[str]) -> None:
    print("byzsgd", *command, flush=True)
    subprocess.run([sys.executable, "-m", "byzsgd", *command], cwd=ROOT, check=True)


def main(arguments: list[str] | None = None) -> int:
    known = recipes()
    parser = argparse.ArgumentParser(prog="python -m plots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)} (default: all)")
    parser.add_argument("--output", type=Path, default=FIGURES)
    parsed = parser.parse_args(arguments)
    studies = named_files("study")
    unknown = [name for name in parsed.names if name not in known and name not in studies]
    if unknown:
        parser.error(f"no figure {unknown[0]!r}; there are {', '.join([*known, *studies])}")
    for name in parsed.names or [*known, *studies]:
        if name in studies:
            _byzsgd(["reproduce", name, f"--output={OUTPUTS / f'study_{name}'}", f"--publish={STUDIES}"])
            continue
        recipe = known[name]
        for path in save(recipe.figure(comparison_of(recipe)), parsed.output, name):
            print(path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
