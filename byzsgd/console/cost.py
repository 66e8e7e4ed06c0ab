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

SAMPLE = 200  # delivered gradients whose time is measured
AFTER = 50  # delivered gradients before them: the time of a run's start does not count


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


def estimated(jobs: Sequence[Job], settings: Sequence[str]) -> Cost:
    """The cost of jobs with these settings. A short trial for each problem and server, in this process, measures the
    seconds of one gradient, which include its share of the evaluations."""
    from byzsgd import config

    gradients, seconds, why = 0, 0.0, ""
    pace: dict[str, float] = {}
    for job, count in Counter(map(pilot_of, jobs)).items():
        experiment = config.experiment(*job, *settings)
        chosen = experiment.choices
        kind = " ".join(str(chosen.get(group)) for group in ("dataset", "model", "aggregator", "attack", "worker"))
        arrivals = experiment.budget.arrivals
        gradients += arrivals * count
        if why:
            continue
        try:
            if kind not in pace:
                pace[kind] = _seconds_of_a_gradient(experiment)
        except (OSError, ValueError) as error:
            why = f"unknown, for a trial is not possible here: {error}"
            continue
        seconds += pace[kind] * arrivals * count
    return Cost(gradients, None if why else seconds, why)


def _seconds_of_a_gradient(experiment: Experiment) -> float:
    taken = []
    for arrivals in (AFTER, AFTER + SAMPLE):
        budget = replace(experiment.budget, arrivals=arrivals, updates=None, time=None)
        trial = replace(experiment, budget=budget, tracker=None)
        started = time.process_time()
        trial.run()
        taken.append(time.process_time() - started)
    return max(0.0, taken[1] - taken[0]) / SAMPLE
