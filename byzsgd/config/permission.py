"""A run folder may come from a stranger. Only with the user's permission does it import plugins, send data (trackers,
downloads) or read and write elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from byzsgd.config.targets import ConfigError
from byzsgd.config.words import value_of

RESUMABLE = ("tracker", "dataset.download", "data_root")  # settings of resume beside a budget: they change no result
Say = Callable[[str], None]


@dataclass(frozen=True)
class Permission:
    """What the user permits a stored run."""

    plugins: Sequence[str] = ()  # modules that its configuration may name
    settings: Mapping[str, object] = field(default_factory=dict)  # of `RESUMABLE`, from the command line
    trust: bool = False  # whether its own tracker and download are permitted

    def applied(
        self, config: Mapping[str, object], choices: Mapping[str, str], say: Say
    ) -> tuple[dict[str, object], dict[str, str]]:
        """A stored configuration and its choices, with the user's settings and without a tracker or download that is
        not permitted. `say` reports a tracker that is left out."""
        own, chosen, dataset = dict(config), dict(choices), config.get("dataset")
        tracker = [f"{key}={value_of(key, value)}" for key, value in self.settings.items() if key.startswith("tracker")]
        if self.settings.get("tracker", "") is None:
            own["tracker"] = None
        elif tracker:
            from byzsgd.config.compose import experiment  # it imports this module

            tracked = experiment(*tracker)
            own["tracker"] = tracked.config["tracker"]
            chosen.pop("tracker", None)
            chosen |= {key: name for key, name in tracked.choices.items() if key == "tracker"}
        elif own.get("tracker") is not None and not self.trust:
            own["tracker"] = None
            name = chosen.get("tracker", "")
            say(f"its tracker {name} is not opened: what sends or writes needs your word (--trust, or tracker=NAME)")
        if isinstance(dataset, Mapping) and "download" in dataset:
            kept = dataset["download"] if self.trust else False
            own["dataset"] = {**dataset, "download": self.settings.get("dataset.download", kept)}
        return own | {key: value for key, value in self.settings.items() if key == "data_root"}, chosen


def require_resumable(settings: Mapping[str, object]) -> None:
    """ConfigError for a setting that resume does not take."""
    for key, value in settings.items():
        if key not in RESUMABLE and not key.startswith(("budget.", "tracker.")):
            raise ConfigError(f"resume needs settings of the budget alone (budget.arrivals=18000); got {key}={value}")
