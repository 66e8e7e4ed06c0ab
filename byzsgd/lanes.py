"""Runs that advance together in one process, so that their gradients can share the calls of an engine."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from byzsgd.interfaces import Task
from byzsgd.kernel.engine.batched import Batched, together
from byzsgd.session import Request, stop_signals

Stopped = Callable[[], bool]
Steps = Generator[Request, Sequence[Tensor], Any]  # asks for results, is sent them, and returns in the end


@dataclass(frozen=True)
class Lane:
    """A run that has not begun."""

    begin: Callable[[Stopped], Steps]
    threads: int


def alone(steps: Steps, threads: int) -> Any:
    """Advances one run to its end; returns what it returns."""
    with _threads(threads), rare_collections():
        try:
            engine, tasks = next(steps)
            while True:
                try:
                    results = engine.results(tasks)
                except Exception as error:  # the run is told, so that its record can say why it ended
                    engine, tasks = steps.throw(error)
                else:
                    engine, tasks = steps.send(results)
        except StopIteration as end:
            return end.value


def abreast(lanes: Sequence[Lane]) -> list[Any]:
    """Advances all of them together; returns what each returns. Those that need other numbers of threads wait."""
    returned: dict[int, Any] = {}
    with stop_signals() as stopped:
        for threads in sorted({lane.threads for lane in lanes}):
            with _threads(threads), rare_collections():
                chosen = {place: lane for place, lane in enumerate(lanes) if lane.threads == threads}
                _advance({place: lane.begin(stopped) for place, lane in chosen.items()}, returned)
    if any(isinstance(value, KeyboardInterrupt) for value in returned.values()):
        raise KeyboardInterrupt
    return [returned[place] for place in range(len(lanes))]


def _advance(running: dict[int, Steps], returned: dict[int, Any]) -> None:
    waiting: dict[int, Request] = {}

    def go_on(place: int, step: Callable[[], Request]) -> None:
        try:
            waiting[place] = step()
        except StopIteration as end:
            returned[place] = end.value
        except KeyboardInterrupt as interrupt:  # every other lane saves its state too, after its next event
            returned[place] = interrupt

    for place, steps in running.items():
        go_on(place, lambda steps=steps: next(steps))  # type: ignore[misc]
    while waiting:
        asked, waiting = waiting, {}
        for place, answer in _computed(asked).items():
            steps = running[place]
            if isinstance(answer, Exception):
                go_on(place, lambda steps=steps, error=answer: steps.throw(error))  # type: ignore[misc]
            else:
                go_on(place, lambda steps=steps, results=answer: steps.send(results))  # type: ignore[misc]


def _computed(asked: dict[int, Request]) -> dict[int, Sequence[Tensor] | Exception]:
    """The results of every lane, or why it has none; lanes whose engines do the same share calls."""
    groups: dict[object, list[int]] = {}
    for place, (engine, _) in asked.items():
        kind = engine.kind if isinstance(engine, Batched) else place
        groups.setdefault(kind, []).append(place)
    answers: dict[int, Sequence[Tensor] | Exception] = {}
    for places in groups.values():
        calls: list[tuple[Any, Sequence[Task]]] = [asked[place] for place in places]
        try:
            shared = together(calls) if len(places) > 1 else [calls[0][0].results(calls[0][1])]
            answers |= dict(zip(places, shared, strict=True))
        except Exception as error:
            answers |= dict.fromkeys(places, error) if len(places) == 1 else _one_by_one(asked, places)
    return answers


def _one_by_one(asked: dict[int, Request], places: Sequence[int]) -> dict[int, Sequence[Tensor] | Exception]:
    """After a shared call that failed: only those that fail alone have to end."""
    answers: dict[int, Sequence[Tensor] | Exception] = {}
    for place in places:
        engine, tasks = asked[place]
        try:
            answers[place] = engine.results(tasks)
        except Exception as error:
            answers[place] = error
    return answers


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(limits=count, user_api="blas"):  # those of NumPy and SciPy
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Inside, the garbage collector leaves alone what existed before, and looks at the rest less often.

    Deliveries make many small objects, which their reference counts free. Looking for cycles among them, and among all
    objects of PyTorch and Hydra, took up to a third of the time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
