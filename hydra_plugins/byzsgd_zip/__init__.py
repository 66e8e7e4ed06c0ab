"""Sweeps whose values go on together, and sweeps over a file of jobs."""
