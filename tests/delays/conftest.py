"""Members as configured: every YAML file of the family, with small files for the traces."""

from pathlib import Path

import pytest
from composing import composed
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf"
DURATIONS = "worker,serial,seconds\n" + "".join(
    f"{w},{j},{0.5 + 0.1 * w + 0.2 * j}\n" for w in range(3) for j in range(4)
)
STAYS = "worker,start,finish\n0,0,5\n0,5,8\n0,10,20\n1,0,20\n2,3,4\n"


def members(group=""):
    return sorted(path.stem for path in (CONF / "delay" / group).glob("*.yaml"))


SECONDS = members("byzantine")
SECONDS.remove("same")
STALENESS = sorted(set(members()) - set(SECONDS))


@pytest.fixture
def configure(tmp_path):
    """configure("pareto", "delay.shape=3") -> the instantiated delay."""
    (tmp_path / "durations.csv").write_text(DURATIONS)
    (tmp_path / "stays.csv").write_text(STAYS)

    def build(name, *overrides, node=False):
        config = OmegaConf.create(composed(f"+delay={name}", *overrides)["delay"])
        if OmegaConf.is_missing(config, "path"):
            config = OmegaConf.merge(config, {"path": f"{tmp_path}/durations.csv"})
        for part in ("byzantine", "communication", "availability"):
            if config.get(part) and OmegaConf.is_missing(config[part], "path"):
                file = "stays" if part == "availability" else "durations"
                config = OmegaConf.merge(config, {part: {"path": f"{tmp_path}/{file}.csv"}})
        if config.get("heterogeneity") and OmegaConf.is_missing(config.heterogeneity, "values"):
            config = OmegaConf.merge(config, {"heterogeneity": {"values": [1, 2, 3]}})
        return config if node else instantiate(config, _convert_="all")

    return build
