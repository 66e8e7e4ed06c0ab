"""Literal twins of the schemes among neighbours: whole rounds in NumPy, with the engine's gradients alone."""

from __future__ import annotations

import numpy as np
import torch

from byzsgd.interfaces import BatchKey


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
    """Y = X − ηG; X̂ += C(Y − X̂); X = Y + γ(W − I)X̂."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    hat = np.zeros_like(history[0])
    for number in range(rounds):
        y = history[-1] - lr * gradients(prepared, history[-1], number)
        hat = hat + np.stack([compress(row) for row in y - hat])
        history.append(y + gamma * (weights - np.eye(len(weights))) @ hat)
    return history


def difference(prepared, weights, lr, rounds, compress):
    """Z = WX − ηG; X += C(Z − X)."""
    history = [np.tile(prepared.initial.numpy(), (len(weights), 1))]
    for number in range(rounds):
        x = history[-1]
        z = weights @ x - lr * gradients(prepared, x, number)
        history.append(x + np.stack([compress(row) for row in z - x]))
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
