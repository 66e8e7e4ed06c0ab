"""Literal twins of the schemes among neighbours: whole rounds in NumPy, with the engine's gradients alone."""

from __future__ import annotations

import numpy as np
import torch

from byzsgd.compressors import qsgd, random_k, scaled_sign, top_k
from byzsgd.interfaces import BatchKey


def signs_with_scale(rows, drawn):
    return np.abs(rows).mean(1, keepdims=True) * np.where(rows >= 0, 1.0, -1.0)


def largest(rows, drawn, k=6):
    """The k largest of each row, ties to the lower index."""
    kept = np.zeros_like(rows)
    for row, out in zip(rows, kept, strict=True):
        where = np.argsort(-np.abs(row), kind="stable")[:k]
        out[where] = row[where]
    return kept


def drawn_ones(rows, drawn, k=6):
    """The k of each row whose uniforms are the smallest."""
    kept = np.zeros_like(rows)
    for row, u, out in zip(rows, np.asarray(drawn), kept, strict=True):
        where = np.argsort(u, kind="stable")[:k]
        out[where] = row[where]
    return kept


def levels(rows, drawn, s=64):
    """‖v‖·sgn(v)·(l + [u < a − l])/s, a = s|v|/‖v‖."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    a = np.divide(s * np.abs(rows), norm, out=np.zeros_like(rows), where=norm > 0)
    return norm * np.sign(rows) * (np.floor(a) + (np.asarray(drawn) < a - np.floor(a))) / s


COMPRESSED = {  # a compressor, and its definition over rows (n, d) with uniforms (n, d)
    "scaled_sign": (scaled_sign(), signs_with_scale),
    "top_k": (top_k(k=6), largest),
    "random_k": (random_k(k=6), drawn_ones),
    "qsgd": (qsgd(levels=64), levels),
}


def gradients(prepared, models, number):
    """(n, d) of every node's own model on its own batch of the round."""
    rows = [
        prepared.problem.gradient(torch.from_numpy(model), prepared.batches.batch(BatchKey(node, number)))
        for node, model in enumerate(models)
    ]
    return torch.stack(rows).numpy()


def d_psgd(prepared, weights, lr, rounds, first):
    """X ← W X − ηG, or X ← W(X − ηG): every round's models."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    for number in range(rounds):
        x = history[-1]
        step = lr * gradients(prepared, x, number)
        history.append(weights @ (x - step) if first == "step_then_mix" else weights @ x - step)
    return history


def d2(prepared, weights, lr, rounds):
    """X₁ = W(X₀ − ηG₀); X_{t+1} = W(2X_t − X_{t−1} − ηG_t + ηG_{t−1})."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    before = None
    for number in range(rounds):
        x, step = history[-1], lr * gradients(prepared, history[-1], number)
        shown = x - step if before is None else 2 * x - history[-2] - step + before
        history.append(weights @ shown)
        before = step
    return history


def choco(prepared, weights, lr, rounds, compress, gamma):
    """Y = X − ηG; X̂ += C(Y − X̂); X = Y + γ(W − I)X̂. `compress(rows, round)` compresses those of all nodes."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    hat = np.zeros_like(history[0])
    for number in range(rounds):
        y = history[-1] - lr * gradients(prepared, history[-1], number)
        hat = hat + compress(y - hat, number)
        history.append(y + gamma * (weights - np.eye(len(weights))) @ hat)
    return history


def deep_squeeze(prepared, weights, lr, rounds, compress, gamma):
    """Y = X − ηG; V = Y + E; E = V − C(V); X = Y + γ(W − I)C(V)."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    lost = np.zeros_like(history[0])
    for number in range(rounds):
        y = history[-1] - lr * gradients(prepared, history[-1], number)
        arrived = compress(y + lost, number)
        lost = y + lost - arrived
        history.append(y + gamma * (weights - np.eye(len(weights))) @ arrived)
    return history


def difference(prepared, weights, lr, rounds, compress):
    """Z = WX − ηG; X += C(Z − X)."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    for number in range(rounds):
        x = history[-1]
        z = weights @ x - lr * gradients(prepared, x, number)
        history.append(x + compress(z - x, number))
    return history


def moniqua(prepared, weights, lr, rounds, exchange, draws):
    """Mix with codes, then step, all nodes at once. `draws(round)` are the shared uniforms, or None."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    count, b = 2**exchange.bits, exchange.modulus

    def mod(z, a):
        return z - a * np.floor(z / a + 0.5)

    for number in range(rounds):
        x = history[-1]
        place = (mod(x / b, 1.0) + 0.5) * count
        if exchange.random:
            decoded = (np.floor(place + draws(number)) % count) / count - 0.5
        else:
            decoded = (np.minimum(np.floor(place), count - 1) + 0.5) / count - 0.5
        hat = mod(decoded * b - x[:, None], b) + x[:, None]  # (receiver, sender, d)
        own = hat[np.arange(len(x)), np.arange(len(x))]
        mixed = x + exchange.gamma * (np.einsum("ij,ijk->ik", weights, hat) - own)
        history.append(mixed - lr * gradients(prepared, x, number))
    return history
