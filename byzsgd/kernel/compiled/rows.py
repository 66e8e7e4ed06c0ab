"""The pool of rows, the order of finish times and the start of jobs, in compiled code."""

from __future__ import annotations

import math

from byzsgd.kernel.compiled.cache import inlined
from byzsgd.kernel.compiled.gradient import copy, differentiate, norm
from byzsgd.kernel.compiled.layout import (
    BAD_SECONDS,
    BUSY,
    FINISH,
    FREE,
    FULL,
    HELD,
    LIARS_READ,
    LIVE_ROW,
    NEEDS_BATCH,
    NEEDS_SECONDS,
    NOBODY,
    NORM,
    NOW,
    READ,
    READ_AT,
    READS,
    RESULT,
    SERIAL,
    SQUARED,
    START,
    STARTING,
    STEP,
    WAITING,
)


@inlined
def take(arrays):
    """A free row, named once."""
    arrays.counts[FREE] -= 1
    row = arrays.free[arrays.counts[FREE]]
    arrays.readers[row] = 1
    return row


@inlined
def let_go(arrays, row):
    """One name less for a row, where it is one."""
    if row < 0:
        return
    arrays.readers[row] -= 1
    if arrays.readers[row] == 0:
        arrays.free[arrays.counts[FREE]] = row
        arrays.counts[FREE] += 1
        if arrays.counts[LIVE_ROW] == row:
            arrays.counts[LIVE_ROW] = NOBODY


@inlined
def renamed(arrays, table, worker, place, row):
    """The place names another row, which gains a reader."""
    if row >= 0:
        arrays.readers[row] += 1
    let_go(arrays, table[worker, place])
    table[worker, place] = row


@inlined
def live_row(arrays):
    """The row that holds the live model, with one reader more."""
    row = arrays.counts[LIVE_ROW]
    if row >= 0:
        arrays.readers[row] += 1
        return row
    row = take(arrays)
    copy(arrays.live, arrays.rows[row])
    arrays.counts[LIVE_ROW] = row
    return row


@inlined
def _before(times, one, other):
    return times[one, FINISH] < times[other, FINISH] or (times[one, FINISH] == times[other, FINISH] and one < other)


@inlined
def _sink(arrays, place):
    heap, times, count = arrays.heap, arrays.times, arrays.counts[WAITING]
    worker = heap[place]
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and _before(times, heap[below + 1], heap[below]):
            below += 1
        if not _before(times, heap[below], worker):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = worker


@inlined
def push(arrays, worker):
    """The worker will finish at its FINISH."""
    heap, times = arrays.heap, arrays.times
    place = arrays.counts[WAITING]
    arrays.counts[WAITING] += 1
    while place > 0:
        above = (place - 1) // 2
        if not _before(times, worker, heap[above]):
            break
        heap[place] = heap[above]
        place = above
    heap[place] = worker


@inlined
def pop(arrays):
    """The first one has finished."""
    arrays.counts[WAITING] -= 1
    count = arrays.counts[WAITING]
    if count > 0:
        arrays.heap[0] = arrays.heap[count]
        _sink(arrays, 0)


@inlined
def cancel(arrays, worker):
    """The worker's job is dropped, its serial stays spent."""
    heap, workers = arrays.heap, arrays.workers
    for place in range(arrays.counts[WAITING]):
        if heap[place] == worker:
            arrays.counts[WAITING] -= 1
            last = heap[arrays.counts[WAITING]]
            if last != worker:
                while place > 0 and _before(arrays.times, last, heap[(place - 1) // 2]):
                    heap[place] = heap[(place - 1) // 2]
                    place = (place - 1) // 2
                heap[place] = last
                _sink(arrays, place)
            break
    let_go(arrays, workers[worker, RESULT])
    let_go(arrays, workers[worker, READ])
    workers[worker, RESULT], workers[worker, READ], workers[worker, BUSY] = NOBODY, NOBODY, 0


@inlined
def start(arrays, worker):
    """The worker reads the live model, and its gradient is computed at once, while the model is in the cache. FULL, or
    what is missing; then nothing has happened."""
    workers, times, counts, codes = arrays.workers, arrays.times, arrays.counts, arrays.codes
    serial = workers[worker, SERIAL] + 1
    block = (serial >> 6) + 1 if serial >= 16 else 0
    kept = arrays.second_blocks.shape[1]
    place = block & (kept - 1)
    if arrays.second_blocks[worker, place] != block:
        return NEEDS_SECONDS
    taken = arrays.seconds[worker, place, serial & 63]
    if not taken >= 0.0:
        return BAD_SECONDS
    serials = arrays.batches.shape[2]
    block = serial // serials
    if arrays.batch_blocks[worker, block & 1] != block:
        return NEEDS_BATCH
    examples = arrays.batches[worker, block & 1, serial % serials]
    row = take(arrays)
    differentiate(
        arrays.live, arrays.rows[row], arrays.layers, examples, arrays.inputs, arrays.labels, arrays.wanted,
        codes[SQUARED], arrays.seen, arrays.deltas, arrays.own,
    )  # fmt: skip
    size = norm(arrays.rows[row])
    workers[worker, SERIAL] = serial
    workers[worker, READ_AT] = counts[STEP]
    workers[worker, RESULT] = row
    workers[worker, BUSY] = 1
    workers[worker, HELD] = 0
    # What is not finite will be judged by the model that it was computed on.
    keeps = codes[READS] or (codes[LIARS_READ] and arrays.lies[worker]) or not math.isfinite(size)
    workers[worker, READ] = live_row(arrays) if keeps else NOBODY
    times[worker, NORM] = size
    times[worker, START] = arrays.sizes[NOW]
    times[worker, FINISH] = arrays.sizes[NOW] + taken
    if times[worker, FINISH] < math.inf:
        push(arrays, worker)
    return FULL


@inlined
def start_all(arrays):
    """Starts everybody who waits for it, in order; FULL, or what the next one lacks."""
    counts = arrays.counts
    done = 0
    answer = FULL
    while done < counts[STARTING]:
        answer = start(arrays, arrays.starting[done])
        if answer != FULL:
            break
        done += 1
    if done > 0:
        left = counts[STARTING] - done
        for place in range(left):
            arrays.starting[place] = arrays.starting[place + done]
        counts[STARTING] = left
    return answer
