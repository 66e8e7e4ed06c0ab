"""Looking ahead: jobs that will be delivered soon share an engine call with the one that is needed now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from torch import Tensor

from byzsgd.interfaces import Engine, Event, Job, Task
from byzsgd.kernel.jobs import Guess, Pending, pending_job
from byzsgd.kernel.world import Kernel, World


class LookAhead:
    """Fills the engine calls of one world. What it remembers is all in the world: a new one goes on in its place."""

    def __init__(self, kernel: Kernel, world: World, engine: Engine) -> None:
        self._kernel, self._world = kernel, world
        self._group, self._ahead = engine.group, engine.ahead
        self._queue: list[tuple[float, int, int]] = []  # heap of (finish, worker, serial) of jobs without result
        if not kernel.clock.prescribed:
            world.started.update(dict.fromkeys(worker for worker in world.pending if worker not in world.results))

    def tasks(self) -> list[Task] | None:
        """What the next delivery needs; where anything is missing, others fill the call up to `group` jobs, as long as
        no more than `ahead` results wait. None: nothing can arrive any more."""
        world = self._world
        tasks = self._kernel.missing(world)
        if not tasks:
            return tasks
        guess = world.guesses.pop(tasks[0].job.worker, None)
        if guess is not None and guess.serial == tasks[0].job.serial and guess.work == tasks[0].work:
            world.results[tasks[0].job.worker] = guess.result
            return []
        room = min(self._group, self._ahead - len(world.results) - len(world.guesses)) - len(tasks)
        if room <= 0:
            return tasks
        others = self._guess(room) if self._kernel.clock.prescribed else self._soonest(room, tasks)
        return tasks + [each.task(world.models) for each in others]

    def deliver(self, results: Sequence[tuple[Task, Tensor]]) -> Event | None:
        """The next delivery, as the kernel's `deliver`."""
        if not results:
            return self._kernel.deliver(self._world)
        world = self._world
        self._kernel.channel.norms.expect({task.job.worker: result for task, result in results}, results[0][1].device)
        pairs = []
        for task, result in results:
            pending = world.pending.get(task.job.worker)
            if pending is not None and pending.job is task.job:
                pairs.append((task, result))
            else:
                world.guesses[task.job.worker] = Guess(task.job.serial, task.work, result)
        return self._kernel.deliver(world, pairs)

    def _soonest(self, count: int, tasks: list[Task]) -> list[Pending]:
        """The jobs in flight without result that will be delivered first: their results wait the shortest."""
        world, queue = self._world, self._queue
        for worker in world.started:
            pending = world.pending.get(worker)
            if pending is not None:
                heappush(queue, (pending.job.finish, worker, pending.job.serial))
        world.started.clear()
        workers = {task.job.worker for task in tasks}
        jobs: list[Pending] = []
        while queue and len(jobs) < count:
            _, worker, serial = heappop(queue)
            pending = world.pending.get(worker)
            if pending is None or pending.job.serial != serial or worker in world.results or worker in workers:
                continue
            jobs.append(pending)
        return jobs

    def _guess(self, count: int) -> list[Pending]:
        """The next jobs of a clock with prescribed staleness, as far as their versions exist already if every arrival
        brings as many updates as it did so far."""
        kernel, world = self._kernel, self._world
        models, clock = world.models, kernel.clock
        step = models.version[0]
        rate = step / world.arrivals if world.arrivals else 1.0
        guesses: list[Pending] = []
        visited: set[int] = set()
        for distance, (worker, serial, staleness) in enumerate(clock.upcoming(world.clock, count + 1)):
            if worker in visited:  # everybody who is not held has had a turn
                break
            visited.add(worker)
            if not distance or worker in world.guesses:
                continue
            read_at = max(step + math.floor(distance * rate) - staleness, clock.oldest(world.clock, step))
            if read_at > step:
                continue
            time = world.time + 1.0 + distance
            job = Job(worker, serial, read_at, time, time)
            guess = pending_job(job, kernel.worker.plan(world.workers[worker], job), 0)
            if all(models.has((0, version)) for version in guess.work.versions):
                guesses.append(guess)
        return guesses


def events(kernel: Kernel, world: World, engine: Engine) -> Iterator[Event]:
    """Deliveries, one after another; ends when nothing can arrive any more."""
    ahead = LookAhead(kernel, world, engine)
    while (tasks := ahead.tasks()) is not None:
        event = ahead.deliver(list(zip(tasks, engine.results(tasks), strict=True)) if tasks else ())
        if event is not None:
            yield event
