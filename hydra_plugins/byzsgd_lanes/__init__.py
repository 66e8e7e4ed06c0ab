"""The launcher `lanes`: the jobs of a sweep advance together in one process."""
