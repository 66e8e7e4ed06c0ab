"""An estimate of the cost of a study before it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from byzsgd.analysis.protocol import Job, Protocol, reporting_jobs_at_most, tuning_jobs
from byzsgd.studies import Grid, pilot_of
from byzsgd.studies.plan import Combinations

if TYPE_CHECKING:
    from byzsgd.run import Experiment

ENOUGH = 0.15  # seconds by which a long trial takes longer than a short one
LONGEST = 16  # times as long as the short one
EVALUATIONS = 5  # of the trial that measures the seconds of one
PROBLEM, SERVER = ("dataset", "model", "scheme"), ("aggregator", "attack", "worker")  # choices that cost time


@dataclass(frozen=True)
class Cost:
    """The cost of all runs together."""

    gradients: int
    seconds: float | None  # on one core; None: unknown
    why: str = ""  # the reason why it is unknown

    def words(self) -> str:
        """The time in a readable unit."""
        assert self.seconds is not None
        for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
            if self.seconds >= 2 * length:
                return f"{self.seconds / length:.1f} {unit}"
        return f"{self.seconds:.0f} seconds"


def jobs_of_stages(plan: Grid | Protocol, combinations: Combinations) -> dict[str, list[Job]]:
    """The largest possible list of jobs of every stage, without the learning rates, which earlier stages determine."""
    if isinstance(plan, Protocol):
        unit = dict.fromkeys(plan.servers, 1.0)
        return {
            "pilots": list(plan.pilots().values()),
            "to tune": tuning_jobs(plan, unit),
            "to report": reporting_jobs_at_most(plan),
        }
    jobs = plan.jobs(combinations)
    if not plan.masses:
        return {"runs": jobs}
    return {"pilots": list(dict.fromkeys(map(pilot_of, jobs))), "runs": jobs * len(plan.masses)}


@dataclass(frozen=True)
class _Pace:
    """Seconds that a run takes once, with the evaluation at its end, those of a gradient and of an evaluation."""

    once: float
    gradient: float
    evaluation: float

    def of(self, experiment: Experiment) -> float:
        arrivals = experiment.budget.arrivals
        between = max(0, arrivals // experiment.eval_every - 1)
        return self.once + self.gradient * arrivals + self.evaluation * between


def estimated(jobs: Sequence[Job], settings: Sequence[str]) -> Cost:
    """From short trials in this process, a few for each problem and server."""
    from byzsgd import config

    gradients, seconds, why = 0, 0.0, ""
    paces: dict[str, _Pace] = {}
    evaluations: dict[str, float] = {}
    for job, count in Counter(map(pilot_of, jobs)).items():
        experiment = config.experiment(*job, *settings)
        problem, kind = (
            " ".join(str(experiment.choices.get(group)) for group in groups)
            for groups in (PROBLEM, (*PROBLEM, *SERVER))
        )
        arrivals = experiment.budget.arrivals
        gradients += arrivals * count
        if why:
            continue
        try:
            if problem not in evaluations:
                evaluations[problem] = _evaluation(experiment)
            if kind not in paces:
                paces[kind] = _pace(experiment, evaluations[problem])
        except (OSError, ValueError) as error:
            why = f"unknown, for a trial is not possible here: {error}"
            continue
        seconds += paces[kind].of(experiment) * count
    return Cost(gradients, None if why else seconds, why)


def _evaluation(experiment: Experiment) -> float:
    """Seconds of one evaluation. The first trial of all takes what a process does once, imports among it."""
    few = 2 * experiment.num_workers
    _seconds(experiment, few)
    more = _seconds(experiment, few, evaluations=EVALUATIONS) - _seconds(experiment, few)
    return max(0.0, more) / (EVALUATIONS - 1)


def _pace(experiment: Experiment, evaluation: float) -> _Pace:
    few = 2 * experiment.num_workers  # gradients: two of everyone, for in rounds nothing happens until all have come
    short = _seconds(experiment, few)
    more, long = few, short
    while long - short < ENOUGH and more < LONGEST * few:
        more *= 2
        long = _seconds(experiment, more)
    gradient = max(0.0, long - short) / (more - few)
    return _Pace(max(0.0, short - few * gradient), gradient, evaluation)


def _seconds(experiment: Experiment, arrivals: int, evaluations: int = 1) -> float:
    """CPU time of a run that delivers so many gradients and evaluates so often."""
    budget = replace(experiment.budget, arrivals=arrivals, updates=None, time=None)
    trial = replace(experiment, budget=budget, eval_every=max(1, arrivals // evaluations), tracker=None)
    started = time.process_time()
    trial.run()
    return time.process_time() - started
