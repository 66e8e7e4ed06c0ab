"""Engines: they compute what jobs ask for."""

from byzsgd.kernel.engine.auto import auto as auto
from byzsgd.kernel.engine.auto import compiled as compiled
from byzsgd.kernel.engine.fused import fused as fused
from byzsgd.kernel.engine.loop import loop as loop
from byzsgd.kernel.engine.vmap import vmap as vmap
