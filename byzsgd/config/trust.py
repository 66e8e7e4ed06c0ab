"""What a run folder, which may be a stranger's, does at its user's word alone: run modules, send, write elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from byzsgd.config.targets import ConfigError
from byzsgd.config.words import value_of

TOLD = ("tracker", "dataset.download", "data_root")  # what resume may be told beside a budget: it changes no result
Say = Callable[[str], None]


@dataclass(frozen=True)
class Word:
    """The user's word for a folder. `settings`: of `TOLD`, as on the command line; `trust`: the folder's own are
    good."""

    plugins: Sequence[str] = ()  # modules that its configuration may name
    settings: Mapping[str, Any] = field(default_factory=dict)
    trust: bool = False

    def of(
        self, config: Mapping[str, Any], choices: Mapping[str, str], say: Say
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """A stored configuration and its choices with what was told, and without what lacks the word, which is said."""
        own, chosen, dataset = dict(config), dict(choices), config.get("dataset")
        tracker = [f"{key}={value_of(key, value)}" for key, value in self.settings.items() if key.startswith("tracker")]
        if self.settings.get("tracker", "") is None:
            own["tracker"] = None
        elif tracker:
            from byzsgd.config.compose import experiment  # which builds stored ones too

            told = experiment(*tracker)
            own["tracker"] = told.config["tracker"]
            chosen.pop("tracker", None)
            chosen |= {key: name for key, name in told.choices.items() if key == "tracker"}
        elif own.get("tracker") is not None and not self.trust:
            own["tracker"] = None
            name = chosen.get("tracker", "")
            say(f"its tracker {name} is not opened: what sends or writes needs your word (--trust, or tracker=NAME)")
        if isinstance(dataset, Mapping) and "download" in dataset:
            kept = dataset["download"] if self.trust else False
            own["dataset"] = {**dataset, "download": self.settings.get("dataset.download", kept)}
        return own | {key: value for key, value in self.settings.items() if key == "data_root"}, chosen


def require_told(settings: Mapping[str, object]) -> None:
    """ConfigError for a setting with which no run can be gone on with."""
    for key, value in settings.items():
        if key not in TOLD and not key.startswith(("budget.", "tracker.")):
            raise ConfigError(f"resume needs settings of the budget alone (budget.arrivals=18000); got {key}={value}")
