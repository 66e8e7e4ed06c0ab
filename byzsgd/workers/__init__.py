"""Worker rules: what a worker computes and sends."""

from byzsgd.workers.gradient import Gradient as gradient
