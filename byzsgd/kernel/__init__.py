"""The core: simulation, clocks, randomness, engines."""
