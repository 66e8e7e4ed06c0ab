"""The architecture as a test: which part may import which."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "byzsgd"
TREE = "byzsgd.records.tree"  # of `records`, what every family may use: what a State is
LEAVES = {"interfaces", "checks", "locations", "settings", "torchvision_compat"}

# What each part may import of byzsgd beside itself, `interfaces` and `checks`. Lazy imports inside functions count too.
ALLOWED = {
    "kernel": set(),
    "aggregators": set(),
    "attacks": set(),
    "delays": set(),
    "workers": set(),
    "datasets": {"torchvision_compat"},
    "models": {"torchvision_compat"},
    "partitions": set(),
    "optimizers": set(),
    "trackers": set(),
    "records": set(),
    "analysis": {"records"},
    "plotting": {"analysis", "records"},
    "reporting": {"analysis", "records"},
    "catalogue": {"locations"},
    "screen": {"analysis", "records", "session"},
    "watching": {"analysis", "records"},
    "standing": {"records"},
    "board": {"standing"},
    "viewing": {"board", "config", "plotting", "records", "reporting", "settings", "standing", "watching"},
    "study": {"aggregators"},
    "stores": {"kernel", "records", "study"},
    "session": {"kernel", "aggregators", "records", "stores", "study"},
    "lanes": {"kernel", "session"},
    "tracking": {"records", "session"},
    "runner": {
        *("kernel", "aggregators", "attacks", "lanes", "partitions", "records"),
        *("session", "stores", "study", "tracking"),
    },
    "config": {"catalogue", "lanes", "locations", "records", "runner", "session", "settings"},
}


def imports(file: Path) -> set[str]:
    """The parts of byzsgd that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" if node.module == "byzsgd" else node.module for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("byzsgd.") and name != TREE}
    return found - {"__version__"}


def parts() -> list[tuple[str, Path]]:
    return [
        (file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file)
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.relative_to(PACKAGE).parts[0] not in ("__init__.py", "__main__.py")
    ]


@pytest.mark.parametrize(("part", "file"), parts(), ids=lambda value: value.name if isinstance(value, Path) else value)
def test_no_arrow_points_the_wrong_way(part, file):
    if part == "cli":
        return  # the top: it may import everything
    allowed = ALLOWED.get(part, set()) | {part}
    if part not in LEAVES:
        allowed |= {"interfaces", "checks"}
    assert imports(file) <= allowed, f"{file} imports {sorted(imports(file) - allowed)}"


def test_only_config_knows_hydra():
    knowing = {
        file.relative_to(PACKAGE).as_posix()
        for _, file in parts()
        if any(
            (isinstance(node, ast.Import) and any(a.name.split(".")[0] in ("hydra", "omegaconf") for a in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("hydra", "omegaconf"))
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        )
    }
    assert knowing == {"config.py"}
