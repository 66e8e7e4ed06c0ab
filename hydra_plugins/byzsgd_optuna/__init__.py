"""The sweeper `optuna`: Optuna proposes, any launcher runs."""
