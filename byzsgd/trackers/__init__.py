"""Services that show the metrics of runs beside their records."""

from .mlflow import MLflow as mlflow
from .tensorboard import TensorBoard as tensorboard
from .wandb import WeightsAndBiases as wandb
