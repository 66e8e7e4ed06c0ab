"""One run: the experiment that a configuration describes, what is built from it, its loop, and where it is stored."""

from byzsgd.run.budget import Budget as Budget
from byzsgd.run.experiment import Experiment as Experiment
from byzsgd.run.metrics import Metrics as Metrics
from byzsgd.run.sweeping import Sweeping as Sweeping
