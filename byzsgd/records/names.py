"""The names of the files and folders of a run."""

FORMAT = 1  # the format of records; part of every run's identity
DONE = "DONE"
CONFIG = "config.yaml"
INFO = "info.json"
METRICS_FILE = "metrics.jsonl"
ARRIVALS_FOLDER = "arrivals"
CHECKPOINTS = "checkpoints"
PARAMS = "params.safetensors"
NODES = "nodes.safetensors"
OF_EVERY_RUN = (CONFIG, INFO, METRICS_FILE)
ERROR = "error.txt"
OF_A_RUN = {ARRIVALS_FOLDER, CHECKPOINTS, "tensorboard"}  # folders in a run folder
