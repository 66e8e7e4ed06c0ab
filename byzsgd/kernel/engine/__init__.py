"""Engines: they compute what jobs ask for."""

from byzsgd.kernel.engine.auto import auto as auto
from byzsgd.kernel.engine.loop import Loop as loop
