"""The parts of a pipeline in compiled code: what each means stands at the members themselves."""

from __future__ import annotations

import math

from byzsgd.kernel.compiled.cache import inlined
from byzsgd.kernel.compiled.gradient import apart, copy, fill
from byzsgd.kernel.compiled.layout import (
    ACCEPTED,
    ACCEPTED_LAST,
    BUCKETS,
    BUFFER,
    BY_MAX,
    BY_SERVER,
    CANDIDATE,
    COEFFICIENTS,
    COLLECTED,
    COLLECTOR,
    D_ADA,
    D_ADAPTIVE,
    D_EXPONENTIAL,
    D_HINGE,
    D_INVERSE,
    D_NONE,
    D_POLYNOMIAL,
    D_ROOT,
    DAMPING,
    DAMPING_1,
    DAMPING_2,
    EVERY,
    FILTER_0,
    FILTERS,
    FINITE,
    FREQUENCY,
    FREQUENCY_F,
    HATCH,
    HISTORY,
    KNOWN,
    LATEST,
    LATEST_OF_ALL,
    LATEST_READ,
    LIMIT_F,
    LIPSCHITZ,
    MAX_STALENESS,
    MEAN,
    NOBODY,
    OLD_DIRECTION,
    OLD_PARAMS,
    READ,
    READ_AT,
    REASON,
    REFERENCE,
    REFERENCE_READ,
    REFUSALS,
    ROOM,
    RULE,
    SCORED,
    SLOTS,
    STALENESS,
    STEP,
    THRESHOLD,
    VECTOR,
    WARM_ALL,
    WEIGHT,
    ZEROS,
)
from byzsgd.kernel.compiled.rows import let_go, live_row, renamed, take


@inlined
def _place(table, value):
    """The first place whose number is not below `value`."""
    low, high = 0, table.size
    while low < high:
        middle = (low + high) // 2
        if table[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _replace(table, old, new):
    """One `old` of ascending numbers gives place to `new`."""
    at, to = _place(table, old), _place(table, new)
    if at < to:
        for place in range(at, to - 1):
            table[place] = table[place + 1]
        table[to - 1] = new
    else:
        for place in range(at, to, -1):
            table[place] = table[place - 1]
        table[to] = new


@inlined
def _greatest(values, count):
    greatest = values[0]
    for place in range(1, count):
        greatest = max(greatest, values[place])
    return greatest


@inlined
def _learn(arrays, worker):
    """What a finite delivery teaches the Lipschitz filter goes into its table; whether it does."""
    workers, counts, rows = arrays.workers, arrays.counts, arrays.rows
    if not counts[FINITE]:
        return False
    vector, read = counts[VECTOR], workers[worker, READ]
    row, model = workers[worker, LATEST], workers[worker, LATEST_READ]
    distance = 0.0
    if row >= 0:
        if model != read:
            distance = float(apart(rows[read], rows[model]))
        if distance == 0.0:  # the same model once more: measured against the delivery before
            row, model = workers[worker, REFERENCE], workers[worker, REFERENCE_READ]
            if row >= 0 and model != read:
                distance = float(apart(rows[read], rows[model]))
    if row >= 0:
        change = float(apart(rows[vector], rows[row]))
        ratio = math.inf if math.isinf(change) else change / distance
        mine, many = arrays.coefficients[worker], workers[worker, COEFFICIENTS]
        before = _greatest(mine, many) if many else math.inf
        if not arrays.codes[BY_MAX]:
            mine[0] = ratio
            many = 1
        else:
            if many == HISTORY:
                for place in range(HISTORY - 1):
                    mine[place] = mine[place + 1]
                many -= 1
            mine[many] = ratio
            many += 1
        if workers[worker, COEFFICIENTS] == 0:
            counts[KNOWN] += 1
        workers[worker, COEFFICIENTS] = many
        after = _greatest(mine, many)
        if after != before:
            _replace(arrays.table, before, after)
        renamed(arrays, workers, worker, REFERENCE, row)
        renamed(arrays, workers, worker, REFERENCE_READ, model)
    renamed(arrays, workers, worker, LATEST, vector)
    renamed(arrays, workers, worker, LATEST_READ, read)
    return True


@inlined
def _candidate(arrays, worker):
    counts, rows = arrays.counts, arrays.rows
    if not arrays.codes[BY_SERVER]:
        many = arrays.workers[worker, COEFFICIENTS]
        return arrays.coefficients[worker, many - 1] if many else math.inf
    if counts[OLD_PARAMS] < 0:
        return math.inf
    change = float(apart(rows[counts[VECTOR]], rows[counts[OLD_DIRECTION]]))
    distance = float(apart(arrays.live, rows[counts[OLD_PARAMS]]))
    if distance == 0.0:
        return 0.0 if change == 0.0 else math.inf
    return math.inf if math.isinf(change) else change / distance


@inlined
def _lipschitz(arrays, worker):
    """Whether the filter lets the vector pass; what it learns stays learnt, whatever others say."""
    counts, sizes, codes = arrays.counts, arrays.sizes, arrays.codes
    counts[SCORED] = 1
    sizes[CANDIDATE], sizes[THRESHOLD] = math.nan, math.nan
    if not _learn(arrays, worker):
        return False
    workers = arrays.table.size
    if codes[WARM_ALL] and counts[KNOWN] < workers:
        counts[REFUSALS] = 0
        return True
    threshold = arrays.table[workers - 1 - codes[LIMIT_F]]
    candidate = _candidate(arrays, worker)
    passes = candidate <= threshold or (codes[HATCH] and counts[REFUSALS] >= workers)
    sizes[CANDIDATE], sizes[THRESHOLD] = candidate, threshold
    counts[REFUSALS] = 0 if passes else counts[REFUSALS] + 1
    return passes


@inlined
def judge(arrays, worker):
    """Asks the filters in order; REASON is 0, or 1 + the place of the one that refused."""
    workers, counts, codes = arrays.workers, arrays.counts, arrays.codes
    counts[REASON], counts[SCORED] = 0, 0
    learnt = False
    for place in range(codes[FILTERS]):
        kind = codes[FILTER_0 + place]
        passes = True
        if kind == LIPSCHITZ:
            passes = _lipschitz(arrays, worker)
            learnt = True
        elif kind == FREQUENCY:
            last = workers[worker, ACCEPTED_LAST]
            passes = last < 0 or counts[ACCEPTED] - last >= 2 * codes[FREQUENCY_F]
        elif kind == MAX_STALENESS:
            passes = counts[STEP] - workers[worker, READ_AT] <= codes[STALENESS]
        if not passes:
            counts[REASON] = place + 1
            break
    if not learnt:
        for place in range(codes[FILTERS]):
            if codes[FILTER_0 + place] == LIPSCHITZ:
                _learn(arrays, worker)
    if counts[REASON] == 0:
        for place in range(codes[FILTERS]):
            if codes[FILTER_0 + place] == FREQUENCY:
                counts[ACCEPTED] += 1
                workers[worker, ACCEPTED_LAST] = counts[ACCEPTED]


@inlined
def weight(kind, first, second, staleness, step):
    """Λ"""
    if kind == D_NONE:
        return 1.0
    if kind == D_INVERSE:
        return 1.0 / (1.0 + staleness)
    if kind == D_EXPONENTIAL:
        return math.exp(-first * staleness)
    if kind == D_ROOT:
        return math.exp(-first * staleness ** (1.0 / second)) if first > 0.0 else 1.0
    if kind == D_POLYNOMIAL:
        return (1.0 + staleness) ** -first
    if kind == D_HINGE:
        late = staleness - second
        return 1.0 if late <= 0 else 1.0 / (first * late + 1.0)
    if kind == D_ADAPTIVE:
        return first / max(first, float(staleness))
    if kind == D_ADA:
        return 1.0 / (1.0 + first * math.sqrt(step + staleness))
    return 1.0 / max(1.0, float(staleness))


@inlined
def _keep(arrays, slot, worker, damped, raw):
    arrays.slots[slot, 0] = worker
    renamed(arrays, arrays.slots, slot, 1, damped)
    renamed(arrays, arrays.slots, slot, 2, raw)


@inlined
def _running(arrays, slot, column, vector, count):
    """The mean of `count` vectors, of which the last comes now, in a row of its own."""
    rows = arrays.rows
    old, row = arrays.slots[slot, column], take(arrays)
    mean, before, new = rows[row], rows[old], rows[vector]
    many, one_less = mean.dtype.type(count), mean.dtype.type(count - 1)
    for i in range(mean.size):
        mean[i] = (one_less * before[i] + new[i]) / many
    return row


@inlined
def collect(arrays, worker):
    """An accepted vector comes to the collector; the number of slots that make the step, or 0: none."""
    counts, codes, rows, slots = arrays.counts, arrays.codes, arrays.rows, arrays.slots
    kind, room, raw = codes[COLLECTOR], codes[ROOM], counts[VECTOR]
    damping, settings = codes[DAMPING], arrays.settings
    staleness = counts[STEP] - arrays.workers[worker, READ_AT]
    share = weight(damping, settings[DAMPING_1], settings[DAMPING_2], staleness, counts[STEP])
    arrays.sizes[WEIGHT] = share
    if kind == EVERY and codes[RULE] <= 1:  # nothing is kept, so nothing is written
        return 1
    damped = raw
    if share != 1.0:
        damped = take(arrays)
        scaled, vector, factor = rows[damped], rows[raw], rows.dtype.type(share)
        for i in range(scaled.size):
            scaled[i] = factor * vector[i]
    ready = 0
    if kind == EVERY:
        _keep(arrays, 0, worker, damped, raw)
        counts[COLLECTED] = 1
        ready = 1
    elif kind == BUCKETS:
        slot = worker % room
        count = slots[slot, 3] + 1
        slots[slot, 3] = count
        if count == 1:
            _keep(arrays, slot, worker, damped, raw)
            counts[COLLECTED] += 1
        else:
            undamped = damped == raw and slots[slot, 1] == slots[slot, 2]
            mean = _running(arrays, slot, 1, damped, count)
            other = mean if undamped else _running(arrays, slot, 2, raw, count)
            _keep(arrays, slot, worker, mean, other)
            let_go(arrays, mean)
            if not undamped:
                let_go(arrays, other)
        ready = room if counts[COLLECTED] == room else 0
    else:
        if kind == BUFFER:
            slot = counts[COLLECTED]
            if codes[SLOTS]:
                for place in range(counts[COLLECTED]):
                    if slots[place, 0] == worker:
                        slot = place
            new = slot == counts[COLLECTED]
        else:  # latest, round
            slot = worker
            new = slots[slot, 0] < 0
        _keep(arrays, slot, worker, damped, raw)
        slots[slot, 3] += 1
        counts[COLLECTED] += 1 if new else 0
        ready = room if kind == LATEST_OF_ALL or counts[COLLECTED] == room else 0
    if damped != raw:
        let_go(arrays, damped)
    return ready


@inlined
def combine(arrays, ready, column, out):
    """The mean or the sum of the collected vectors (column 1: damped, 2: not)."""
    codes, slots, rows = arrays.codes, arrays.slots, arrays.rows
    if codes[COLLECTOR] == EVERY:
        factor = rows.dtype.type(arrays.sizes[WEIGHT] if column == 1 else 1.0)
        vector = rows[arrays.counts[VECTOR]]
        for i in range(out.size):
            out[i] = factor * vector[i]
        return
    fill(out, out.size, out.dtype.type(0))
    many = 0
    for slot in range(ready):
        row = slots[slot, column]
        if row >= 0:
            many += 1
            vector = rows[row]
            for i in range(out.size):
                out[i] += vector[i]
    if codes[RULE] == MEAN:
        total = out.dtype.type(ready if codes[ZEROS] else many)
        for i in range(out.size):
            out[i] /= total


@inlined
def empty(arrays, ready):
    """After the step: only the table of latest vectors stays."""
    if arrays.codes[COLLECTOR] == LATEST_OF_ALL or arrays.counts[COLLECTED] == 0:
        return
    for slot in range(ready):
        _keep(arrays, slot, NOBODY, NOBODY, NOBODY)
        arrays.slots[slot, 3] = 0
    arrays.counts[COLLECTED] = 0


@inlined
def stepped(arrays):
    """Before the model changes: a filter that compares with the last update remembers it."""
    counts, undamped = arrays.counts, arrays.direction[1]
    if not arrays.codes[BY_SERVER]:
        return
    for i in range(undamped.size):
        if undamped[i] != 0:
            let_go(arrays, counts[OLD_PARAMS])
            let_go(arrays, counts[OLD_DIRECTION])
            counts[OLD_PARAMS] = live_row(arrays)
            counts[OLD_DIRECTION] = take(arrays)
            copy(undamped, arrays.rows[counts[OLD_DIRECTION]])
            return
