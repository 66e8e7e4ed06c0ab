"""A sweeper that checks all combinations before the first job."""
