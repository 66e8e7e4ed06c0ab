"""One run: what a configuration describes, what is built from it, and where it is kept while it goes on."""

from byzsgd.run.budget import Budget as Budget
from byzsgd.run.experiment import Experiment as Experiment
from byzsgd.run.metrics import Metrics as Metrics
from byzsgd.run.sweeping import Sweeping as Sweeping
