"""A launcher: the jobs of a sweep on a Ray cluster."""
