"""Which number stands where in the arrays of a stretch, and what the numbers of the parts mean.

Vectors and earlier models lie in one pool of rows (R, d); everything else names them by row. A row is counted by those
who name it and is free again when nobody does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

NOBODY = -1  # in the place of a row, a worker or a version: there is none
HISTORY = 26  # coefficients per worker that the Lipschitz filter may look back on

# One column each of `workers` (n, …), integers …
SERIAL, READ_AT, RESULT, READ, BUSY, HELD = range(6)  # RESULT, READ: rows of the job in flight
LATEST, LATEST_READ, REFERENCE, REFERENCE_READ, COEFFICIENTS, ACCEPTED_LAST = range(6, 12)
MOMENTUM, SEEN = range(12, 14)
WORKER_COLUMNS = 14
# … and of `times` (n, …), real numbers.
START, FINISH, NORM = range(3)
TIME_COLUMNS = 3

# Places of `counts`, integers of the whole world …
OUT, MOST, ARRIVALS, STEP, WAITING, STARTING, WHO, PHASE, FREE, LIVE_ROW = range(10)
ACCEPTED, REFUSALS, KNOWN, OLD_PARAMS, OLD_DIRECTION, COLLECTED, INERTIA = range(10, 17)
VECTOR, FINITE, REASON, SCORED, STEPPED, REPLY, FIRST_RATE, MOST_UPDATES, OWN = range(17, 26)
COUNTS = 26
# … and of `sizes`, real ones.
NOW, WEIGHT, SENT_NORM, CANDIDATE, THRESHOLD, MOST_TIME = range(6)
SIZES = 6

# Where in a delivery a call left off, or begins again.
TAKEN, BETWEEN, FORGED, DECIDED, DIRECTED = range(5)  # TAKEN: the arrays have just taken a world over
# Why a call came back.
FULL, STALLED, SPENT, GENERAL, NEEDS_SECONDS, NEEDS_BATCH, BAD_SECONDS, FORGE, RECEIVE, DIRECT = range(10)

# Columns of what is recorded: integers, real numbers.
C_WORKER, C_SERIAL, C_READ_AT, C_STEP, C_REASON, C_UPDATED, C_SCORED = range(7)
C_TIME, C_WEIGHT, C_NORM, C_CANDIDATE, C_THRESHOLD = range(5)

# Places of `codes`: which parts, and their whole numbers; of `settings`: their real ones.
(SIZE, LIMIT_F, FILTERS, FILTER_0, FILTER_1, FILTER_2, FILTER_3, BY_SERVER, BY_MAX, WARM_ALL, HATCH, FREQUENCY_F) = (
    range(12)
)
(STALENESS, DAMPING, COLLECTOR, ROOM, SLOTS, ZEROS, RULE, SERVER, ATTACK, SHOWN, SQUARED, READS) = range(12, 24)
(INERTIAL, NESTEROV, FOREVER, LIARS_READ, WORKER_RULE, DECAYS) = range(24, 30)
CODES = 30
(DAMPING_1, DAMPING_2, FILL, WORKER_INERTIA, OPTIMIZER_INERTIA, DECAY) = range(6)
SETTINGS = 6

LIPSCHITZ, FREQUENCY, MAX_STALENESS = range(3)
FILTERS_BY_NAME: Mapping[str, int] = {"lipschitz": LIPSCHITZ, "frequency": FREQUENCY, "max_staleness": MAX_STALENESS}
D_NONE, D_INVERSE, D_EXPONENTIAL, D_ROOT, D_POLYNOMIAL, D_HINGE, D_ADAPTIVE, D_ADA, D_RECIPROCAL = range(9)
DAMPINGS: Mapping[str, int] = {
    "none": D_NONE, "inverse": D_INVERSE, "exponential": D_EXPONENTIAL, "root_exponential": D_ROOT,
    "polynomial": D_POLYNOMIAL, "hinge": D_HINGE, "delay_adaptive": D_ADAPTIVE, "ada_delay": D_ADA,
    "reciprocal": D_RECIPROCAL,
}  # fmt: skip
EVERY, BUFFER, LATEST_OF_ALL, BUCKETS, ROUND = range(5)
COLLECTORS: Mapping[str, int] = {
    "every": EVERY, "buffer": BUFFER, "latest": LATEST_OF_ALL, "buckets": BUCKETS, "round": ROUND,
}  # fmt: skip
MEAN, SUM, RULE_OUTSIDE = range(3)
RULES: Mapping[str, int] = {"mean": MEAN, "sum": SUM}
INSIDE, OUTSIDE = range(2)  # of the server
TRUTH, SCALED, FILLED, FORGES = range(4)
ATTACKS: Mapping[str, int] = {
    "own": TRUTH, "sign_flip": SCALED, "reversed": SCALED, "zero": FILLED, "not_a_number": FILLED, "infinity": FILLED,
    "view": FORGES,
}  # fmt: skip
FILLS: Mapping[str, float] = {"sign_flip": -1.0, "zero": 0.0, "not_a_number": math.nan, "infinity": math.inf}
PLAIN, INERT = range(2)
WORKERS: Mapping[str, int] = {"gradient": PLAIN, "momentum": INERT}
LINEAR, RELU, TANH, ELU, SIGMOID = range(5)
ACTIVATIONS: Mapping[str, int] = {"relu": RELU, "tanh": TANH, "elu": ELU, "sigmoid": SIGMOID}
DISPATCH, WAIT, RESTART = range(3)  # replies


class Arrays(NamedTuple):
    """All that compiled code sees; it writes in place."""

    live: np.ndarray  # (d,) the model, the world's own memory
    rows: np.ndarray  # (R, d)
    readers: np.ndarray  # (R,) who names a row
    free: np.ndarray  # (R,) the rows that nobody names, the next one last
    workers: np.ndarray  # (n, WORKER_COLUMNS)
    times: np.ndarray  # (n, TIME_COLUMNS)
    lies: np.ndarray  # (n,) bool
    heap: np.ndarray  # (n,) workers by (finish, worker)
    starting: np.ndarray  # (n,) workers that read the model next
    counts: np.ndarray  # (COUNTS,)
    sizes: np.ndarray  # (SIZES,)
    seconds: np.ndarray  # (n, blocks, 64) of jobs, the clock's own memory
    second_blocks: np.ndarray  # (n, blocks) which block of serials each holds
    batches: np.ndarray  # (n, 2, serials, B) int32: examples of the batches of two blocks of serials
    batch_blocks: np.ndarray  # (n, 2) which block of serials each holds
    inputs: np.ndarray  # (N, features)
    labels: np.ndarray  # (N,) class numbers
    wanted: np.ndarray  # (N, outputs) real targets
    layers: np.ndarray  # (layers, 4) inputs, outputs, bias, activation
    seen: np.ndarray  # (layers, B, widest) behind every layer
    deltas: np.ndarray  # (2, B, widest)
    own: np.ndarray  # (B,) int32: 0 … B - 1
    codes: np.ndarray  # (CODES,)
    settings: np.ndarray  # (SETTINGS,)
    rates: np.ndarray  # learning rates of the next updates
    table: np.ndarray  # (n,) the Lipschitz filter's numbers, ascending
    coefficients: np.ndarray  # (n, HISTORY) oldest first
    slots: np.ndarray  # (slots, 4) of the collector: worker, damped row, undamped row, vectors in it
    direction: np.ndarray  # (2, d) of this step: damped, undamped
    columns: np.ndarray  # (block, 7) int64
    measures: np.ndarray  # (block, 5) float64
