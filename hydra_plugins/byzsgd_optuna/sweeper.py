"""`hydra/sweeper=optuna`: Optuna (Akiba et al., KDD 2019, arXiv 1907.10902) proposes settings, and any launcher runs
them. The study is stored in a file, so that the same command goes on.

Spaces are written as in Hydra's own plugin, which needs Optuna 2: choice(…), range(…), interval(…), tag(log, …).
No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf

STUDY = "study.log"  # the default of `storage`, in the folder of the sweep
RESULTS = "optimization_results.yaml"
_TAKEN_UP = "taken_up"  # attribute of a study: the numbers of trials that were cut off and are tried again
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "tpe": ("TPESampler", {"n_startup_trials": 10, "n_ei_candidates": 24, "multivariate": False}),
    "random": ("RandomSampler", {}),
    "qmc": ("QMCSampler", {}),
    "gp": ("GPSampler", {}),
    "cmaes": ("CmaEsSampler", {}),
}


@dataclass
class OptunaConf:
    """The settings of the sweeper: its objective, its sampler and its storage."""

    _target_: str = "hydra_plugins.byzsgd_optuna.sweeper.OptunaSweeper"
    _recursive_: bool = False  # a sampler is built anew for every trial
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}])
    sampler: Any = MISSING
    direction: str = "maximize"
    storage: str | None = None  # a file, or a URL as sqlite:///study.db; null: study.log in the sweep's folder
    study_name: str = "byzsgd"
    n_trials: int = 20  # of the study, with those of earlier commands
    n_jobs: int = 1  # trials that are launched together
    params: dict[str, str] | None = None


def register() -> None:
    """Registers it in place of hydra-optuna-sweeper, if that is installed too. Only byzsgd calls this."""
    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="optuna", node=OptunaConf, provider="byzsgd_optuna")
    for name, (sampler, settings) in SAMPLERS.items():
        node = {"_target_": f"optuna.samplers.{sampler}", "seed": None, **settings}
        store.store(group="hydra/sweeper/sampler", name=name, node=node, provider="byzsgd_optuna")


class OptunaSweeper(Sweeper):
    """Asks the study for trials, launches them and reports their results to it."""

    def __init__(
        self,
        sampler: DictConfig,
        direction: str,
        storage: str | None,
        study_name: str,
        n_trials: int,
        n_jobs: int,
        params: dict[str, str] | None,
    ) -> None:
        self.sampler, self.storage, self.study_name = sampler, storage, study_name
        self.direction, self.n_trials, self.n_jobs = direction, n_trials, n_jobs
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Goes on until the study has its trials, or the sweep is stopped."""
        from byzsgd.config import STOPPED
        from byzsgd.config.sweeps import checked

        if self.n_trials < 1 or self.n_jobs < 1:
            raise ValueError(f"optuna needs n_trials, n_jobs >= 1; got n_trials={self.n_trials}, n_jobs={self.n_jobs}")
        optuna = _optuna()
        words = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        space, fixed = _space(OverridesParser.create().parse_overrides(words))
        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        study = self._study(optuna, folder)
        again = self._take_up(study)
        while (left := self.n_trials - len(_ended(study))) > 0:
            trials = []
            for _ in range(min(left, self.n_jobs)):
                study.sampler = self._sampler(len(study.trials) - again)
                trials.append(study.ask(space))
            jobs = [[*fixed, *(f"{key}={value}" for key, value in trial.params.items())] for trial in trials]
            checked(self.hydra_context.config_loader, self.config, jobs)  # a mistake in an override ends the sweep
            values = [job.return_value for job in self.launcher.launch(jobs, initial_job_idx=trials[0].number)]
            for trial, value in zip(trials, values, strict=True):
                if _is_number(value):
                    study.tell(trial, float(value))
                elif value != STOPPED:  # the next command tries a stopped trial again
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if STOPPED in values:
                return
        if any(trial.state.name == "COMPLETE" for trial in study.trials):
            best = {"name": "optuna", "best_params": study.best_params, "best_value": study.best_value}
            OmegaConf.save(OmegaConf.create(best), folder / RESULTS)

    def _study(self, optuna: Any, folder: Path) -> Any:
        location = self.storage or str(folder / STUDY)
        storage: Any = location
        if "://" not in location:
            from optuna.storages.journal import JournalFileBackend, JournalStorage

            storage = JournalStorage(JournalFileBackend(location))
        return optuna.create_study(
            study_name=self.study_name, storage=storage, direction=self.direction, load_if_exists=True
        )

    def _sampler(self, number: int) -> Any:
        """The sampler for trial `number`. With a seed, a proposal depends on the number of trials before and on their
        results, not on where the study was cut off."""
        settings = OmegaConf.to_container(self.sampler) if OmegaConf.is_config(self.sampler) else dict(self.sampler)
        if settings.get("seed") is not None:
            settings["seed"] = (int(settings["seed"]) + 7919 * number) % 2**31
        return instantiate(settings)

    def _take_up(self, study: Any) -> int:
        """Enqueues the trials that an earlier command left running, with the same settings. Returns how many trials
        were tried again so far."""
        again = set(study.user_attrs.get(_TAKEN_UP, ()))
        left = [trial for trial in study.trials if trial.state.name == "RUNNING" and trial.number not in again]
        for trial in left:
            study.enqueue_trial(trial.params)
        again |= {trial.number for trial in left}
        study.set_user_attr(_TAKEN_UP, sorted(again))
        return len(again)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ValueError("hydra/sweeper=optuna needs the package optuna (pip install 'byzsgd[optuna]')") from error
    version = optuna.__version__
    if int(version.partition(".")[0]) < 4:
        raise ValueError(f"hydra/sweeper=optuna needs optuna >= 4 (pip install 'byzsgd[optuna]'); got {version}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _space(overrides: Sequence[Override]) -> tuple[dict[str, Any], list[str]]:
    """The search space, and the fixed overrides. Of two overrides of one key the later counts."""
    space: dict[str, Any] = {}
    fixed: dict[str, str] = {}
    for override in overrides:
        key = override.get_key_element()
        space.pop(key, None)
        fixed.pop(key, None)
        if override.is_sweep_override():
            space[key] = _distribution(override)
        else:
            fixed[key] = f"{key}={override.get_value_element_as_str()}"
    return space, list(fixed.values())


def _distribution(override: Override) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = override.value()
    if override.is_interval_sweep():
        whole = isinstance(value.start, int) and isinstance(value.end, int)
        return (IntDistribution if whole else FloatDistribution)(value.start, value.end, log="log" in value.tags)
    if override.is_range_sweep() and all(isinstance(each, int) for each in (value.start, value.stop, value.step)):
        last = value.start + (value.stop - 1 - value.start) // value.step * value.step  # `stop` is exclusive
        return IntDistribution(value.start, last, step=value.step)
    return CategoricalDistribution(list(override.sweep_iterator(transformer=Transformer.encode)))


def _ended(study: Any) -> list[Any]:
    return [trial for trial in study.trials if trial.state.is_finished()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)
