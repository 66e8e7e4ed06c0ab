"""Slow literal versions of every rule in NumPy float64, from the definitions; rows are lists of values for ties."""

import itertools
import math

import numpy as np


def _key(x, i):
    return tuple(x[i])


def _squares(x):
    return np.array([[((a - b) ** 2).sum() for b in x] for a in x])


def mean(x):
    return x.sum(axis=0) / len(x)


def sum(x):
    return np.add.reduce(x, axis=0)


def median(x, *, lower=False):
    s = np.sort(x, axis=0)
    return s[(len(x) - 1) // 2] if lower else (s[(len(x) - 1) // 2] + s[len(x) // 2]) / 2


def trimmed_mean(x, *, f):
    return mean(np.sort(x, axis=0)[f : len(x) - f])


def _around(x, centre, count):
    out = np.empty(x.shape[1])
    for j in range(x.shape[1]):
        nearest = sorted(x[:, j], key=lambda v: (abs(v - centre[j]), v))[:count]
        out[j] = np.add.reduce(nearest) / count
    return out


def meamed(x, *, f):
    return _around(x, median(x), len(x) - f)


def phocas(x, *, f):
    return _around(x, trimmed_mean(x, f=f), len(x) - f)


def _krum_scores(distances, rows, neighbours):
    return {
        i: np.add.reduce(sorted(distances[i, j] for j in rows if j != i)[:neighbours]) if len(rows) > 1 else 0.0
        for i in rows
    }


def _krum_order(x, rows, neighbours, squared=True):
    distances = _squares(x) if squared else np.sqrt(_squares(x))
    scores = _krum_scores(distances, rows, neighbours)
    return sorted(rows, key=lambda i: (scores[i], _key(x, i)))


def krum(x, *, f, neighbours=None, squared=True):
    k = len(x)
    return x[_krum_order(x, range(k), k - f - 2 if neighbours is None else neighbours, squared)[0]]


def multi_krum(x, *, f, m=None, neighbours=None, squared=True):
    k = len(x)
    order = _krum_order(x, range(k), k - f - 2 if neighbours is None else neighbours, squared)
    return mean(x[order[: k - f - 2 if m is None else m]])


def bulyan(x, *, f):
    k = len(x)
    left, picked = list(range(k)), []
    while len(picked) < k - 2 * f:
        winner = _krum_order(x, left, max(1, len(left) - f - 2))[0]
        left.remove(winner)
        picked.append(winner)
    return _around(x[picked], median(x[picked]), k - 4 * f)


def _nearest(x, point, count):
    distances = [((row - point) ** 2).sum() for row in x]
    return sorted(range(len(x)), key=lambda i: (distances[i], _key(x, i)))[:count]


def cge(x, *, f):
    return mean(x[_nearest(x, np.zeros(x.shape[1]), len(x) - f)])


def monna(x, *, f, pivot=0):
    return mean(x[_nearest(x, x[pivot], len(x) - f)])


def aksel(x, *, f):
    return mean(x[_nearest(x, median(x), len(x) - f)])


def nnm(x, *, f):
    return np.array([mean(x[_nearest(x, row, len(x) - f)]) for row in x])


def _subset(x, f, cost):
    k = len(x)
    subsets = list(itertools.combinations(range(k), k - f))
    costs = [cost(x[list(s)]) for s in subsets]
    best = min(costs)
    tied = [s for s, c in zip(subsets, costs, strict=True) if c <= best * (1 + 1e-10)]
    return mean(x[list(min(tied, key=lambda s: sorted(_key(x, i) for i in s)))])


def mda(x, *, f):
    return _subset(x, f, lambda s: max(((a - b) ** 2).sum() for a in s for b in s))


def mva(x, *, f):
    return _subset(x, f, lambda s: ((s - mean(s)) ** 2).sum())


def smea(x, *, f):
    return _subset(x, f, lambda s: np.linalg.svd(s - mean(s), compute_uv=False)[0] ** 2 if len(s) else 0.0)


def caf(x, *, f):
    k = len(x)
    if f == 0:
        return mean(x)
    c, best, answer = np.ones(k), np.inf, None
    while c.sum() > k - 2 * f:
        mu = (c[:, None] * x).sum(axis=0) / c.sum()
        _, s, v = np.linalg.svd(np.sqrt(c / c.sum())[:, None] * (x - mu), full_matrices=False)
        if s[0] ** 2 < best:
            best, answer = s[0] ** 2, mu
        t = ((x - mu) @ v[0]) ** 2
        if t[c > 0].max() == 0:
            break
        c = np.maximum(c * (1 - t / t[c > 0].max()), 0)
    return answer


def rfa(x, *, steps=3, smoothing=1e-6, start="median"):
    z = {"median": median(x), "mean": mean(x), "zero": np.zeros(x.shape[1])}[start]
    return _weiszfeld(x, np.ones(len(x)), z, steps, smoothing)


def _weiszfeld(x, w, z, steps, smoothing):
    for _ in range(steps):
        a = w / np.maximum(smoothing, np.linalg.norm(x - z, axis=1))
        z = (a[:, None] * x).sum(axis=0) / a.sum()
    return z


def geometric_median(x, *, tolerance=1e-10, max_steps=1000):
    """Vardi–Zhang from the median, far beyond the tolerance."""
    y = median(x)
    for _ in range(20000):
        d = np.linalg.norm(x - y, axis=1)
        at = d == 0
        a = 1 / d[~at]
        if at.all():
            return y
        target = (a[:, None] * x[~at]).sum(axis=0) / a.sum()
        pull = np.linalg.norm((a[:, None] * (x[~at] - y)).sum(axis=0))
        share = min(1.0, at.sum() / pull) if pull > 0 else 1.0
        y, before = (1 - share) * target + share * y, y
        if np.linalg.norm(y - before) <= 1e-16 * np.linalg.norm(y):
            break
    return y


def centered_clipping(x, *, radius=10.0, steps=1, centre=None):
    v = np.zeros(x.shape[1]) if centre is None else centre
    for _ in range(steps):
        d = np.linalg.norm(x - v, axis=1)
        v = v + mean((x - v) * np.minimum(1, radius / np.maximum(d, 1e-300))[:, None])
    return v


def dnc(x, *, f, coordinates=10000, share=1.0, rounds=1, rng):
    kept = set(range(len(x)))
    for _ in range(rounds):
        part = x
        if x.shape[1] > coordinates:
            part = x[:, rng.choice(x.shape[1], coordinates, replace=False)]
        part = part - mean(part)
        scores = (part @ np.linalg.svd(part, full_matrices=False)[2][0]) ** 2
        kept &= set(sorted(range(len(x)), key=lambda i: scores[i])[: len(x) - int(share * f)])
    return mean(x[sorted(kept)])


def sign_majority(x):
    return np.sign(np.sign(x).sum(axis=0))


def fltrust(x, *, trusted):
    norms = np.linalg.norm(x, axis=1)
    cosines = x @ trusted / np.where(norms > 0, norms * np.linalg.norm(trusted), 1)
    w = np.maximum(cosines, 0)
    if w.sum() == 0:
        return np.zeros(x.shape[1])
    scale = np.linalg.norm(trusted) / np.where(norms > 0, norms, 1)
    return ((w * scale)[:, None] * x).sum(axis=0) / w.sum()


def _unit(x):
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)


def flag(x, *, dimension=None, pairwise=0.0, tolerance=1e-10, max_steps=100):
    k = len(x)
    m = dimension or math.ceil((k + 1) / 2)
    columns, counts = list(_unit(x)), [1.0] * k
    if pairwise:
        for i, j in itertools.permutations(range(k), 2):
            columns.append(_unit((x[i] - x[j])[None])[0])
            counts.append(pairwise / (k * (k - 1)))
    columns, counts = np.array(columns), np.array(counts)
    w, before = np.sqrt(counts), np.inf
    for _ in range(max_steps):
        y = np.linalg.svd((w[:, None] * columns).T, full_matrices=False)[0][:, :m]
        missed = np.maximum(1 - ((columns @ y) ** 2).sum(axis=1), 0)
        objective = (counts * np.sqrt(missed)).sum()
        if abs(before - objective) < tolerance:
            break
        before, w = objective, np.sqrt(counts) * (missed + 1e-12) ** -0.25
    return y @ (y.T @ x.sum(axis=0)) / k


def flag_single(x, *, dimension=None):
    k = len(x)
    y = np.linalg.svd(_unit(x).T, full_matrices=False)[0][:, : dimension or math.ceil((k + 1) / 2)]
    return y @ (y.T @ _unit(x).sum(axis=0)) / k


def weighted_median(x, w):
    out = np.empty(x.shape[1])
    for j in range(x.shape[1]):
        pairs = sorted((v, weight) for v, weight in zip(x[:, j], w, strict=True) if weight > 0)
        reached = 0.0
        for i, (value, weight) in enumerate(pairs):
            reached += weight
            if reached == w.sum() / 2:
                out[j] = (value + pairs[i + 1][0]) / 2
                break
            if reached > w.sum() / 2:
                out[j] = value
                break
    return out


def weighted_geometric_median(x, w, *, steps=3, smoothing=1e-6):
    return _weiszfeld(x, w, weighted_median(x, w), steps, smoothing)


def ctma(x, w, *, share, base="weighted_median"):
    guess = {"weighted_median": weighted_median, "weighted_geometric_median": weighted_geometric_median}[base](x, w)
    distances = np.linalg.norm(x - guess, axis=1)
    left = wanted = (1 - share) * w.sum()
    total = np.zeros(x.shape[1])
    for i in sorted(range(len(x)), key=lambda i: (distances[i], i)):
        taken = min(left, w[i])
        total += taken * x[i]
        left -= taken
    return total / wanted


def bucketing(x, *, size=2, rng):
    shuffled = x[rng.permutation(len(x))]
    return np.array([mean(shuffled[i : i + size]) for i in range(0, len(x), size)])


def clipping(x, *, radius=2.0):
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return np.where(norms > radius, x * radius / np.maximum(norms, 1e-300), x)


def arc(x, *, f):
    k = len(x)
    norms = np.linalg.norm(x, axis=1)
    order = np.argsort(-norms)
    count = 2 * f * (k - f) // k
    out = x.copy()
    for i in order[:count]:
        out[i] = x[i] * norms[order[count]] / norms[i]
    return out
