"""The sweeper of `-m`: it checks all combinations before the first job."""
