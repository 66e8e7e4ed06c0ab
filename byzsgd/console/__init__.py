"""The commands that read folders, and the screens of runs and sweeps."""
