"""Sweepers that optimise. Their objective is the validation split, never the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from byzsgd.checks import require
from byzsgd.config.compose import Source, composed, plain
from byzsgd.records.plain import Config

WHO = "a sweeper that optimises"


def require_judge_of_sweep(overrides: Sequence[str], source: Source) -> None:
    """Before a sweep: ValueError where it would optimise without validation examples, or in the wrong direction."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    tree = composed([str(each.input_line) for each in parsed if not each.is_sweep_override()], source)
    sweeper = tree.hydra.sweeper
    direction = sweeper.get("direction", "maximize")
    require(direction == "maximize", WHO, "hydra.sweeper.direction=maximize", direction=direction)
    varied = list(map(str, sweeper.get("params") or ()))
    varied += [str(each.key_or_group) for each in parsed if each.is_sweep_override()]
    if not any(key.startswith(("dataset", "metrics")) for key in varied):
        _require_validation(*plain(tree))


def require_judge(config: Config, choices: Mapping[str, str]) -> None:
    """The same for one job of a running sweep, which may vary what is measured."""
    if optimises(HydraConfig.get().sweeper):
        _require_validation(config, choices)


def optimises(sweeper: DictConfig) -> bool:
    """Whether the jobs of a sweeper depend on results."""
    return not str(sweeper._target_).endswith((".BasicSweeper", ".GridSweeper"))


def _require_validation(config: Config, choices: Mapping[str, str]) -> None:
    measured = config["metrics"]["validation"]
    needs = "validation examples to be judged by (dataset.validation_share, metrics.validation=true)"
    require(measured is True, WHO, needs, dataset=choices.get("dataset"), validation=measured)
