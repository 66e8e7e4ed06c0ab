from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from byzsgd.checks import leaves
from byzsgd.interfaces import Tracked

from .packages import require_package

TAG = "byzsgd.run"
LONGEST = 500  # characters of a parameter that MLflow accepts
STATUS = {"interrupted": "KILLED", "failed": "FAILED"}  # every other status is a result


@dataclass(frozen=True, kw_only=True)
class MLflow:
    """A run of MLflow with the same metrics, over arrivals, and the whole configuration as parameters.

    A resumed run goes on in its run of MLflow, which has a tag with its identity. `uri` null: the value of
    MLFLOW_TRACKING_URI.
    """

    experiment: str
    uri: str | None
    client: Callable[..., Any] | None = None  # in place of mlflow.MlflowClient

    def __post_init__(self) -> None:
        if self.client is None:
            require_package("mlflow")

    def open(self, run: Tracked) -> _Metrics:
        client = self._client()(tracking_uri=self.uri)
        existing = client.get_experiment_by_name(self.experiment)
        experiment = client.create_experiment(self.experiment) if existing is None else existing.experiment_id
        begun = client.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{run.identity}'", max_results=1)
        if begun:
            number = begun[0].info.run_id
            client.update_run(number, status="RUNNING")
        else:
            number = client.create_run(experiment, run_name=run.name, tags={TAG: run.identity}).info.run_id
            for key, value in leaves(run.config):
                client.log_param(number, key, str(value)[:LONGEST])
        return _Metrics(client, number)

    def _client(self) -> Callable[..., Any]:
        if self.client is not None:
            return self.client
        from mlflow.tracking import MlflowClient

        client: Callable[..., Any] = MlflowClient
        return client


class _Metrics:
    def __init__(self, client: Any, number: str) -> None:
        self._client, self._number = client, number

    def write(self, row: Mapping[str, float]) -> None:
        now, step = int(time.time() * 1000), int(row["arrivals"])
        for name, value in row.items():
            if name != "arrivals":
                self._client.log_metric(self._number, name, value, timestamp=now, step=step)

    def close(self, status: str) -> None:
        self._client.set_tag(self._number, "byzsgd.status", status)
        self._client.set_terminated(self._number, status=STATUS.get(status, "FINISHED"))
