"""Many turns in one call: the same as the kernel's, on arrays."""

from __future__ import annotations

import math

from byzsgd.kernel.compiled.cache import compiled, inlined
from byzsgd.kernel.compiled.gradient import fill, finite, norm
from byzsgd.kernel.compiled.layout import (
    ARRIVALS,
    ATTACK,
    BETWEEN,
    BUSY,
    BY_SERVER,
    C_CANDIDATE,
    C_NORM,
    C_READ_AT,
    C_REASON,
    C_SCORED,
    C_SERIAL,
    C_STEP,
    C_THRESHOLD,
    C_TIME,
    C_UPDATED,
    C_WEIGHT,
    C_WORKER,
    CANDIDATE,
    COLLECTOR,
    DECAY,
    DECAYS,
    DECIDED,
    DIRECT,
    DIRECTED,
    DISPATCH,
    EVERY,
    FILL,
    FILLED,
    FINISH,
    FINITE,
    FIRST_RATE,
    FOREVER,
    FORGE,
    FORGED,
    FORGES,
    FULL,
    GENERAL,
    HELD,
    INERT,
    INERTIA,
    INERTIAL,
    LIVE_ROW,
    MOMENTUM,
    MOST,
    MOST_TIME,
    MOST_UPDATES,
    NESTEROV,
    NOBODY,
    NORM,
    NOW,
    OPTIMIZER_INERTIA,
    OUT,
    OUTSIDE,
    OWN,
    PHASE,
    READ,
    READ_AT,
    REASON,
    RECEIVE,
    REPLY,
    RESTART,
    RESULT,
    ROOM,
    ROUND,
    RULE,
    RULE_OUTSIDE,
    SCALED,
    SCORED,
    SEEN,
    SENT_NORM,
    SERIAL,
    SERVER,
    SHOWN,
    SPENT,
    STALLED,
    STARTING,
    STEP,
    STEPPED,
    TAKEN,
    THRESHOLD,
    TRUTH,
    VECTOR,
    WAIT,
    WAITING,
    WEIGHT,
    WHO,
    WORKER_INERTIA,
    WORKER_RULE,
)
from byzsgd.kernel.compiled.rows import cancel, let_go, pop, renamed, start_all, take
from byzsgd.kernel.compiled.server import collect, combine, empty, judge, stepped


@inlined
def _own(arrays, worker):
    """The row of what the worker would send, with one reader more, and its norm."""
    rows, workers = arrays.rows, arrays.workers
    result = workers[worker, RESULT]
    if arrays.codes[WORKER_RULE] != INERT:
        arrays.readers[result] += 1
        return result, arrays.times[worker, NORM]
    row, old = take(arrays), workers[worker, MOMENTUM]
    own, fresh = rows[row], rows[result]
    keeps = own.dtype.type(arrays.settings[WORKER_INERTIA])
    gains = own.dtype.type(1.0 - arrays.settings[WORKER_INERTIA])
    if old < 0:
        for i in range(own.size):
            own[i] = gains * fresh[i]
    else:
        before = rows[old]
        for i in range(own.size):
            own[i] = keeps * before[i] + gains * fresh[i]
    return row, float(norm(own))


@inlined
def _send(arrays, worker):
    """The worker's message leaves; GENERAL where it is honest and not finite, and then nothing has happened."""
    counts, workers, rows = arrays.counts, arrays.workers, arrays.rows
    row, size = _own(arrays, worker)
    lies = arrays.lies[worker]
    if not lies and not math.isfinite(size):
        let_go(arrays, row)
        return GENERAL
    pop(arrays)
    arrays.sizes[NOW] = arrays.times[worker, FINISH]
    workers[worker, BUSY] = 0
    if arrays.codes[WORKER_RULE] == INERT:
        renamed(arrays, workers, worker, MOMENTUM, row)
    counts[WHO], counts[VECTOR], counts[OWN] = worker, row, NOBODY
    arrays.sizes[SENT_NORM] = size
    attack = arrays.codes[ATTACK]
    if not lies or attack == TRUTH:
        return FULL
    counts[OWN], counts[VECTOR] = row, take(arrays)
    if attack == FORGES:
        return FORGE
    own, forged = rows[row], rows[counts[VECTOR]]
    factor = own.dtype.type(arrays.settings[FILL])
    if attack == SCALED:
        for i in range(own.size):
            forged[i] = own[i] * factor
    elif attack == FILLED:
        fill(forged, forged.size, factor)
    return FULL


@inlined
def _arrived(arrays):
    """What is known of a vector once it is there."""
    counts, sizes, worker = arrays.counts, arrays.sizes, arrays.counts[WHO]
    vector = arrays.rows[counts[VECTOR]]
    if counts[OWN] >= 0:
        let_go(arrays, counts[OWN])
        counts[OWN] = NOBODY
        sizes[SENT_NORM] = norm(vector)
    counts[FINITE] = 1 if math.isfinite(sizes[SENT_NORM]) or finite(vector) else 0
    if arrays.codes[SHOWN] and not arrays.lies[worker]:
        renamed(arrays, arrays.workers, worker, SEEN, counts[VECTOR])
    counts[REASON], counts[SCORED], counts[STEPPED], counts[REPLY] = 0, 0, 0, DISPATCH
    sizes[WEIGHT] = 0.0


@inlined
def _plain(codes):
    """Whether the direction is the one vector that has come, and the step SGD's without memory."""
    alone = codes[SERVER] != OUTSIDE and codes[COLLECTOR] == EVERY and codes[RULE] != RULE_OUTSIDE
    return alone and not (codes[BY_SERVER] or codes[INERTIAL] or codes[DECAYS])


@inlined
def _decide(arrays):
    """The pipeline's answer; DIRECT where a rule outside makes the direction."""
    counts, codes = arrays.counts, arrays.codes
    judge(arrays, counts[WHO])
    if counts[REASON] != 0:
        return FULL
    ready = collect(arrays, counts[WHO])
    if ready == 0:
        counts[REPLY] = WAIT if codes[COLLECTOR] == ROUND else DISPATCH
        return FULL
    counts[STEPPED] = 1
    if codes[RULE] == RULE_OUTSIDE:
        return DIRECT
    if not _plain(codes):
        combine(arrays, ready, 1, arrays.direction[0])
    if codes[BY_SERVER]:
        combine(arrays, ready, 2, arrays.direction[1])
    return FULL


@inlined
def _step(arrays):
    """SGD along the direction; the buffer is emptied."""
    counts, codes, settings, rows = arrays.counts, arrays.codes, arrays.settings, arrays.rows
    live, direction = arrays.live, arrays.direction[0]
    rate = live.dtype.type(arrays.rates[0 if codes[FOREVER] else counts[STEP] - counts[FIRST_RATE]])
    if _plain(codes):  # one pass over the model in place of three
        factor, vector = live.dtype.type(arrays.sizes[WEIGHT]), rows[counts[VECTOR]]
        for i in range(live.size):
            live[i] -= rate * (factor * vector[i])
        counts[STEP] += 1
        counts[LIVE_ROW] = NOBODY
        return
    if codes[SERVER] != OUTSIDE:
        stepped(arrays)
        empty(arrays, codes[ROOM])
    decay = live.dtype.type(settings[DECAY])
    if decay != 0:
        for i in range(live.size):
            direction[i] += decay * live[i]
    if codes[INERTIAL]:
        keeps = live.dtype.type(settings[OPTIMIZER_INERTIA])
        first = counts[INERTIA] < 0
        if first:
            counts[INERTIA] = take(arrays)
        momentum = rows[counts[INERTIA]]
        for i in range(live.size):
            momentum[i] = direction[i] if first else direction[i] + keeps * momentum[i]
        for i in range(live.size):
            direction[i] = direction[i] + keeps * momentum[i] if codes[NESTEROV] else momentum[i]
    for i in range(live.size):
        live[i] -= rate * direction[i]
    counts[STEP] += 1
    counts[LIVE_ROW] = NOBODY


@inlined
def _record(arrays):
    counts, sizes, worker = arrays.counts, arrays.sizes, arrays.counts[WHO]
    row, measured = arrays.columns[counts[OUT]], arrays.measures[counts[OUT]]
    row[C_WORKER] = worker
    row[C_SERIAL] = arrays.workers[worker, SERIAL]
    row[C_READ_AT] = arrays.workers[worker, READ_AT]
    row[C_STEP] = counts[STEP] - counts[STEPPED]
    row[C_REASON] = counts[REASON]
    row[C_UPDATED] = counts[STEPPED]
    row[C_SCORED] = counts[SCORED]
    measured[C_TIME] = sizes[NOW]
    measured[C_WEIGHT] = sizes[WEIGHT]
    measured[C_NORM] = sizes[SENT_NORM]
    measured[C_CANDIDATE] = sizes[CANDIDATE]
    measured[C_THRESHOLD] = sizes[THRESHOLD]
    counts[OUT] += 1
    counts[ARRIVALS] += 1


@inlined
def _reply(arrays):
    """Who reads the model next. A server outside has named those whose jobs are cancelled in `starting`."""
    counts, workers, starting, sender = arrays.counts, arrays.workers, arrays.starting, arrays.counts[WHO]
    let_go(arrays, counts[VECTOR])
    let_go(arrays, workers[sender, RESULT])
    let_go(arrays, workers[sender, READ])
    counts[VECTOR], workers[sender, RESULT], workers[sender, READ] = NOBODY, NOBODY, NOBODY
    if counts[REPLY] == RESTART:
        counts[STARTING] = 0
        for worker in range(len(workers)):
            if workers[worker, BUSY]:
                cancel(arrays, worker)
                workers[worker, HELD] = 1
            if workers[worker, HELD] or worker == sender:
                starting[counts[STARTING]] = worker
                counts[STARTING] += 1
        return
    named = counts[STARTING]
    counts[STARTING] = 0
    for place in range(named):
        if workers[starting[place], BUSY]:
            cancel(arrays, starting[place])
            starting[counts[STARTING]] = starting[place]
            counts[STARTING] += 1
    if counts[STEPPED]:
        for worker in range(len(workers)):
            if workers[worker, HELD]:
                starting[counts[STARTING]] = worker
                counts[STARTING] += 1
    if counts[REPLY] == WAIT:
        workers[sender, HELD] = 1
    else:
        starting[counts[STARTING]] = sender
        counts[STARTING] += 1


@inlined
def _measure(arrays):
    """The norms of results that come from elsewhere, to the bits that they would have had here."""
    for worker in range(len(arrays.workers)):
        if arrays.workers[worker, BUSY]:
            arrays.times[worker, NORM] = norm(arrays.rows[arrays.workers[worker, RESULT]])


@compiled
def play(arrays):
    """Delivers until MOST rows are written, a budget is spent, or somebody outside must do something; says which."""
    counts, sizes, codes = arrays.counts, arrays.sizes, arrays.codes
    if counts[PHASE] == TAKEN:
        _measure(arrays)
        counts[PHASE] = BETWEEN
    while True:
        if counts[PHASE] == BETWEEN:
            lacking = start_all(arrays)
            if lacking != FULL:
                counts[WHO] = arrays.starting[0]
                return lacking
            if counts[OUT] > 0 and (counts[STEP] >= counts[MOST_UPDATES] or sizes[NOW] >= sizes[MOST_TIME]):
                return SPENT
            if counts[OUT] >= counts[MOST]:
                return FULL
            if counts[WAITING] == 0:
                return STALLED
            answer = _send(arrays, arrays.heap[0])
            if answer == GENERAL:
                return GENERAL
            counts[PHASE] = FORGED
            if answer == FORGE:
                return FORGE
        if counts[PHASE] == FORGED:
            _arrived(arrays)
            if codes[SERVER] == OUTSIDE:
                counts[PHASE] = DECIDED
                return RECEIVE
            counts[PHASE] = DIRECTED
            if _decide(arrays) == DIRECT:
                return DIRECT
        if counts[STEPPED]:
            _step(arrays)
        _record(arrays)
        _reply(arrays)
        counts[PHASE] = BETWEEN
