"""Servers: the pipeline and those that do not fit it."""

from byzsgd.aggregators.pipeline import Pipeline as pipeline
