"""The rules that the server twins need, each by its definition: non-finite rows are dropped and lower f."""

import math

import numpy as np
from traces import finite, norm


def kept(rows, f=0):
    good = [row for row in rows if finite(row)]
    return np.array(good), f - (len(rows) - len(good))


def mean(rows):
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        return np.add.reduce(rows, axis=0) / len(rows)


def median(rows):
    rows, _ = kept(rows)
    ordered = np.sort(rows, axis=0)
    return (ordered[(len(rows) - 1) // 2] + ordered[len(rows) // 2]) / 2


def trimmed_mean(f):
    def rule(rows):
        rows, fewer = kept(rows, f)
        return mean(np.sort(rows, axis=0)[fewer : len(rows) - fewer])

    return rule


def krum(f):
    def rule(rows):
        rows, fewer = kept(rows, f)
        near = len(rows) - fewer - 2
        squares = [[float(((a - b) ** 2).sum()) for b in rows] for a in rows]
        scores = [sum(sorted(line[:i] + line[i + 1 :])[:near]) for i, line in enumerate(squares)]
        return rows[min(range(len(rows)), key=lambda i: (scores[i], tuple(rows[i])))]

    return rule


def nnm(f):
    """Dropped rows are handed on, for the rule behind to count."""

    def mix(rows):
        good, fewer = kept(rows, f)
        mixed = []
        for row in good:
            order = sorted(range(len(good)), key=lambda i: (float(((good[i] - row) ** 2).sum()), tuple(good[i])))
            mixed.append(mean(good[order[: len(good) - fewer]]))
        return np.array(mixed + [row for row in rows if not finite(row)])

    return mix


def _finite_rows(rows, weights):
    good = [i for i, row in enumerate(rows) if finite(row)]
    return np.array([rows[i] for i in good]), [float(weights[i]) for i in good]


def weighted_median(rows, weights):
    rows, weights = _finite_rows(rows, weights)
    half, answer = sum(weights) / 2, []
    for values in rows.T:
        order = sorted(range(len(values)), key=lambda i: values[i])
        reached = 0.0
        for place, i in enumerate(order):
            reached += weights[i]
            if reached >= half:
                following = values[order[place + 1]] if reached == half else values[i]
                answer.append((values[i] + following) / 2)
                break
    return np.array(answer)


def weighted_geometric_median(rows, weights, steps=3, smoothing=1e-6):
    rows, weights = _finite_rows(rows, weights)
    z = weighted_median(rows, weights)
    for _ in range(steps):
        pulls = [w / max(smoothing, norm(row - z)) for row, w in zip(rows, weights, strict=True)]
        z = sum(pull * row for pull, row in zip(pulls, rows, strict=True)) / math.fsum(pulls)
    return z


def ctma(share, base=weighted_median):
    def rule(rows, weights):
        rows, weights = _finite_rows(rows, weights)
        guess = base(rows, weights)
        wanted = (1 - share) * sum(weights)
        left, total = wanted, np.zeros(rows.shape[1])
        # The midpoint of two rows is as far from both: rounding must not break such ties.
        for i in sorted(range(len(rows)), key=lambda i: (float(f"{norm(rows[i] - guess):.10e}"), i)):
            taken = min(left, weights[i])
            total = total + taken * rows[i]
            left -= taken
        return total / wanted

    return rule
