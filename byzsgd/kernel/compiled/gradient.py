"""The gradient of a chain of linear layers on one batch, in compiled code.

Forward: a_{l+1} = φ(W_l a_l + b_l). Backward: δ_L = (softmax(z) − onehot(y)) / B, or (z − y) / B for half squared
errors; ∂W_l = Σ_b δ_l a_lᵀ, ∂b_l = Σ_b δ_l, δ_{l−1} = (W_lᵀ δ_l) ⊙ φ'. Examples are read where they lie, by number.
Plain loops over rows, two outputs and four examples at a time, beat calls of BLAS at these sizes.
"""

from __future__ import annotations

import math

import numpy as np

from byzsgd.kernel.compiled.cache import compiled, inlined
from byzsgd.kernel.compiled.layout import ELU, RELU, SIGMOID, TANH


@inlined
def copy(source, out):
    """An assignment of slices would be compiled with the text of every message that it might raise."""
    for i in range(out.size):
        out[i] = source[i]


@inlined
def fill(out, count, value):
    for i in range(count):
        out[i] = value


@inlined
def _products(weights, outputs, inputs, source, examples, out):
    """out[b] = W source[examples[b]]"""
    zero = weights.dtype.type(0)
    count = examples.size
    b = 0
    while b < count:
        if b + 4 > count:
            x = source[examples[b]]
            for o in range(outputs):
                w = weights[o * inputs : (o + 1) * inputs]
                total = zero
                for i in range(inputs):
                    total += w[i] * x[i]
                out[b, o] = total
            b += 1
            continue
        x0, x1 = source[examples[b]], source[examples[b + 1]]
        x2, x3 = source[examples[b + 2]], source[examples[b + 3]]
        o = 0
        if inputs >= 48:  # with fewer the sums at the end cost more than what is saved
            while o + 2 <= outputs:
                w = weights[o * inputs : (o + 1) * inputs]
                v = weights[(o + 1) * inputs : (o + 2) * inputs]
                a0, a1, a2, a3 = zero, zero, zero, zero
                c0, c1, c2, c3 = zero, zero, zero, zero
                for i in range(inputs):
                    a0 += w[i] * x0[i]
                    a1 += w[i] * x1[i]
                    a2 += w[i] * x2[i]
                    a3 += w[i] * x3[i]
                    c0 += v[i] * x0[i]
                    c1 += v[i] * x1[i]
                    c2 += v[i] * x2[i]
                    c3 += v[i] * x3[i]
                out[b, o], out[b + 1, o], out[b + 2, o], out[b + 3, o] = a0, a1, a2, a3
                out[b, o + 1], out[b + 1, o + 1], out[b + 2, o + 1], out[b + 3, o + 1] = c0, c1, c2, c3
                o += 2
        while o < outputs:
            w = weights[o * inputs : (o + 1) * inputs]
            a0, a1, a2, a3 = zero, zero, zero, zero
            for i in range(inputs):
                a0 += w[i] * x0[i]
                a1 += w[i] * x1[i]
                a2 += w[i] * x2[i]
                a3 += w[i] * x3[i]
            out[b, o], out[b + 1, o], out[b + 2, o], out[b + 3, o] = a0, a1, a2, a3
            o += 1
        b += 4


@inlined
def _outer(found, outputs, inputs, delta, source, examples):
    """found (outputs, inputs) = Σ_b delta[b] source[examples[b]]ᵀ, whatever was in it"""
    count = examples.size
    if count < 4:
        fill(found, found.size, found.dtype.type(0))
    fours = count - count % 4
    for b in range(0, fours, 4):
        x0, x1 = source[examples[b]], source[examples[b + 1]]
        x2, x3 = source[examples[b + 2]], source[examples[b + 3]]
        o = 0
        while o < outputs:
            d0, d1, d2, d3 = delta[b, o], delta[b + 1, o], delta[b + 2, o], delta[b + 3, o]
            g = found[o * inputs : (o + 1) * inputs]
            if b == 0:  # writing what is there alone saves a pass
                for i in range(inputs):
                    g[i] = d0 * x0[i] + d1 * x1[i] + d2 * x2[i] + d3 * x3[i]
                o += 1
            elif o + 2 <= outputs:
                e0, e1, e2, e3 = delta[b, o + 1], delta[b + 1, o + 1], delta[b + 2, o + 1], delta[b + 3, o + 1]
                h = found[(o + 1) * inputs : (o + 2) * inputs]
                for i in range(inputs):
                    g[i] += d0 * x0[i] + d1 * x1[i] + d2 * x2[i] + d3 * x3[i]
                    h[i] += e0 * x0[i] + e1 * x1[i] + e2 * x2[i] + e3 * x3[i]
                o += 2
            else:
                for i in range(inputs):
                    g[i] += d0 * x0[i] + d1 * x1[i] + d2 * x2[i] + d3 * x3[i]
                o += 1
    for b in range(fours, count):
        x0 = source[examples[b]]
        for o in range(outputs):
            d0 = delta[b, o]
            g = found[o * inputs : (o + 1) * inputs]
            for i in range(inputs):
                g[i] += d0 * x0[i]


@inlined
def _activate(values, count, width, activation):
    zero, one = values.dtype.type(0), values.dtype.type(1)
    for b in range(count):
        row = values[b]
        if activation == RELU:
            for i in range(width):
                row[i] = zero if row[i] <= zero else row[i]
        elif activation == TANH:
            for i in range(width):
                row[i] = math.tanh(row[i])
        elif activation == ELU:
            for i in range(width):
                row[i] = row[i] if row[i] > zero else math.expm1(row[i])
        elif activation == SIGMOID:
            for i in range(width):
                row[i] = one / (one + math.exp(-row[i]))


@inlined
def _differentiate(delta, after, count, width, activation):
    """delta ⊙ φ', where φ' is a function of what φ gave."""
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for b in range(count):
        d, a = delta[b], after[b]
        if activation == RELU:
            for i in range(width):
                d[i] = zero if a[i] <= zero else d[i]
        elif activation == TANH:
            for i in range(width):
                d[i] *= one - a[i] * a[i]
        elif activation == ELU:
            for i in range(width):
                d[i] = d[i] * (a[i] + one) if a[i] <= zero else d[i]
        elif activation == SIGMOID:
            for i in range(width):
                d[i] *= a[i] * (one - a[i])


@inlined
def _loss_gradient(outputs, delta, width, examples, labels, wanted, squared):
    count = examples.size
    share = delta.dtype.type(1.0 / count)
    for b in range(count):
        z, d = outputs[b], delta[b]
        if squared:
            y = wanted[examples[b]]
            for o in range(width):
                d[o] = (z[o] - y[o]) * share
            continue
        greatest = z[0]
        for o in range(1, width):
            greatest = max(greatest, z[o])
        total = delta.dtype.type(0)
        for o in range(width):
            d[o] = math.exp(z[o] - greatest)
            total += d[o]
        factor = share / total
        for o in range(width):
            d[o] *= factor
        d[labels[examples[b]]] -= share


@inlined
def differentiate(params, found, layers, examples, inputs, labels, wanted, squared, seen, deltas, own):
    """found (d,) = the gradient of the mean loss of the model params (d,) on these examples."""
    count, depth = examples.size, len(layers)
    begin = 0
    for number in range(depth):
        fan_in, width, bias, activation = layers[number]
        weights = params[begin : begin + fan_in * width]
        out = seen[number]
        if number == 0:
            _products(weights, width, fan_in, inputs, examples, out)
        else:
            _products(weights, width, fan_in, seen[number - 1], own, out)
        begin += fan_in * width
        if bias:
            shift = params[begin : begin + width]
            for b in range(count):
                row = out[b]
                for o in range(width):
                    row[o] += shift[o]
            begin += width
        _activate(out, count, width, activation)
    _loss_gradient(seen[depth - 1], deltas[0], layers[depth - 1, 1], examples, labels, wanted, squared)
    delta, spare = deltas[0], deltas[1]
    for number in range(depth - 1, -1, -1):
        fan_in, width, bias, activation = layers[number]
        if bias:
            begin -= width
            shift = found[begin : begin + width]
            fill(shift, width, shift.dtype.type(0))
            for b in range(count):
                row = delta[b]
                for o in range(width):
                    shift[o] += row[o]
        begin -= fan_in * width
        place = found[begin : begin + fan_in * width]
        if number == 0:
            _outer(place, width, fan_in, delta, inputs, examples)
            return
        _outer(place, width, fan_in, delta, seen[number - 1], own)
        weights = params[begin : begin + fan_in * width]
        for b in range(count):
            below, above = spare[b], delta[b]
            fill(below, fan_in, below.dtype.type(0))
            for o in range(width):
                d = above[o]
                w = weights[o * fan_in : (o + 1) * fan_in]
                for i in range(fan_in):
                    below[i] += d * w[i]
        delta, spare = spare, delta
        _differentiate(delta, seen[number - 1], count, fan_in, layers[number - 1, 3])


@inlined
def norm(vector):
    """‖vector‖₂"""
    total = vector.dtype.type(0)
    for i in range(vector.size):
        total += vector[i] * vector[i]
    return math.sqrt(total)


@inlined
def apart(one, other):
    """‖one − other‖₂"""
    total = one.dtype.type(0)
    for i in range(one.size):
        gap = one[i] - other[i]
        total += gap * gap
    return math.sqrt(total)


@inlined
def finite(vector):
    for i in range(vector.size):
        if not np.isfinite(vector[i]):
            return False
    return True


@compiled
def gradients(params, found, layers, examples, inputs, labels, wanted, squared, seen, deltas, own):
    """found (g, d): in each row the gradient on the examples (g, B) of its row. Called from Python."""
    for row in range(len(examples)):
        differentiate(params, found[row], layers, examples[row], inputs, labels, wanted, squared, seen, deltas, own)
