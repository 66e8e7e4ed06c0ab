"""The launcher `lanes`: the jobs of a sweep one after another in one process."""
