"""Jobs in flight, and jobs computed before their turn."""

from __future__ import annotations

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Job, Key, Task, Work, value
from byzsgd.kernel.versions import Models

INTERRUPTIONS, OF_EACH = 20_000, 1_000  # and of each worker, between two deliveries: far more than bad luck


@value
class Pending:
    """A job that has started: what it computes is fixed."""

    job: Job
    work: Work
    node: int  # whose model it reads
    keys: tuple[Key, ...]  # all that it reads, each once; first the model that it started from

    def task(self, models: Models) -> Task:
        """The job as an engine gets it."""
        return Task(self.job, self.work, tuple([models.at((self.node, version)) for version in self.work.versions]))


@value
class Guess:
    """A job computed before its turn, on the version that it will have read if updates go on as they did."""

    serial: int
    work: Work
    result: Tensor


def keys_of(node: int, work: Work | None) -> tuple[Key, ...]:
    """The models that a scheme's own work names: an interruption may last longer than they are live."""
    return () if work is None else tuple([(node, version) for version in work.versions])


def time_of_return(time: float, interruptions: int, num_workers: int) -> float:
    """The time at which a worker is back, after so many interruptions since the last delivery."""
    if interruptions > INTERRUPTIONS + OF_EACH * num_workers:
        needs = "a worker that stays long enough for one of its jobs"
        require(False, "the clock", needs, interruptions=interruptions, num_workers=num_workers, time=time)
    return time


def pending_job(job: Job, work: Work, node: int) -> Pending:
    """A job that starts now at this node."""
    own = (node, job.read_at)
    if work.versions == (job.read_at,):
        return Pending(job, work, node, (own,))
    return Pending(job, work, node, tuple(dict.fromkeys((own, *keys_of(node, work)))))


class HonestNotFinite(Exception):
    """A vector of an honest worker is not finite; `overflow`: it became so on the way, as its norm overflowed."""

    def __init__(self, task: Task, step: int, time: float, overflow: bool = False) -> None:
        super().__init__(f"worker {task.job.worker} sent a vector that is not finite at step {step}, time {time:g}")
        self.task, self.overflow = task, overflow
