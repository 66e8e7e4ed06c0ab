"""The architecture as a test: which folder may import which, who knows Hydra, and how large a file may be."""

import ast
import graphlib
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from byzsgd.config.targets import PARTS

PACKAGE = Path(__file__).resolve().parents[1] / "byzsgd"
FILES = sorted(PACKAGE.rglob("*.py"))
AT_THE_TOP = {"__init__", "__main__", "cli", "checks", "machine", "signatures", "sources", "torchvision_compat"}
LONGEST = 400  # lines of a file

FAMILY = {"interfaces", "checks", "signatures", "sources", "records.tree"}
RESULTS = {"interfaces", "checks", "records"}
# What each folder may import of byzsgd beside itself; imports inside functions count too.
ALLOWED = {
    "__init__": {"analysis", "config", "console", "plotting", "records"},
    "__main__": {"cli"},
    "cli": {"console", "config", "run", "records", "analysis"},
    "console": {"config", "run", "plotting", "reporting", "studies", "analysis"} | RESULTS,
    "config": {"run", "signatures"} | RESULTS,
    "run": {
        "kernel",
        "aggregators",
        "attacks",
        "compressors",
        "partitions",
        "schemes",
        "machine",
        "sources",
        "records.tree",
    }
    | RESULTS,
    "kernel": FAMILY,
    "interfaces": {"checks"},
    "aggregators": FAMILY,
    "attacks": FAMILY,
    "compressors": FAMILY,
    "delays": FAMILY,
    "workers": FAMILY,
    "schemes": FAMILY | {"codes", "graphs"},  # graphs: whether one is connected
    "graphs": FAMILY,
    "codes": FAMILY,
    "optimizers": FAMILY,
    "partitions": FAMILY,
    "trackers": FAMILY,
    "datasets": FAMILY | {"torchvision_compat"},
    "models": FAMILY | {"torchvision_compat"},
    "plotting": {"analysis", "signatures"} | RESULTS,
    "reporting": {"analysis"} | RESULTS,
    "studies": {"analysis", "plotting"} | RESULTS,
    "analysis": {"sources"} | RESULTS,
    "records": {"interfaces", "checks", "machine", "records.tree"},
    "records.tree": {"interfaces", "checks"},
    "checks": set(),
    "machine": set(),
    "signatures": set(),
    "sources": set(),
    "torchvision_compat": set(),
}


@cache
def imported(file: Path) -> frozenset[str]:
    """The dotted names of all modules that a file imports, wherever in it, with the names taken from them."""
    found = set()
    package = ("byzsgd", *file.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*up, *filter(None, [node.module])))
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def room(parts: tuple[str, ...]) -> str:
    """The row of a module: its folder, or itself where it stands at the top or has a row of its own."""
    own = ".".join(parts[:2])
    return own if own in ALLOWED else parts[0]


def room_of(file: Path) -> str:
    return room(file.relative_to(PACKAGE).with_suffix("").parts)


def arrows(file: Path) -> set[str]:
    """The rows that a file's imports lead to, beside its own."""
    own = [name.split(".")[1:] for name in imported(file) if name.startswith("byzsgd.")]
    exported = {"__version__"} if room_of(file) != "__init__" else set()
    return {room(tuple(parts)) for parts in own if parts[0] not in exported} - {room_of(file)}


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_no_arrow_points_the_wrong_way(folder):
    wrong = {
        f"{file.relative_to(PACKAGE)} imports {target}"
        for file in FILES
        if room_of(file) == folder
        for target in arrows(file) - ALLOWED[folder]
    }
    assert not wrong


def test_every_folder_has_a_row():
    assert {room_of(file) for file in FILES} <= ALLOWED.keys()


def test_there_is_no_circle_of_folders():
    graph = {}
    for file in FILES:
        graph.setdefault(room_of(file), set()).update(arrows(file))
    list(graphlib.TopologicalSorter(graph).static_order())  # CycleError names the circle


def test_few_modules_stand_at_the_top():
    assert {file.stem for file in PACKAGE.glob("*.py")} - {"interfaces"} <= AT_THE_TOP


def test_only_config_knows_hydra():
    knowing = {
        room_of(file) for file in FILES if {name.split(".")[0] for name in imported(file)} & {"hydra", "omegaconf"}
    }
    assert knowing == {"config"}


def test_no_file_is_long():
    long = {
        file.relative_to(PACKAGE).as_posix()
        for file in FILES
        if len(file.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert not long


@pytest.mark.parametrize(("file", "most"), [("kernel/world.py", 149), ("schemes/server.py", 130)])
def test_the_middle_stays_small(file, most):
    """A turn that grows takes over what its neighbours do; a scheme that grows does what the kernel should."""
    assert len((PACKAGE / file).read_text(encoding="utf-8").splitlines()) <= most


def exported(package: Path) -> dict[str, str]:
    """Names that a package takes from its own modules, by the module that it takes them from."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    own = ".".join(("byzsgd", *package.relative_to(PACKAGE).parts))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (node.module or "").removeprefix(f"{own}.")
        for node in taken
        for alias in node.names
        if node.level or (node.module or "").startswith(f"{own}.")
    }


def shadowed() -> dict[str, set[str]]:
    """By package: its names that are those of its modules too."""
    found = {}
    for file in PACKAGE.rglob("__init__.py"):
        modules = {each.stem for each in file.parent.glob("*.py")}
        if both := exported(file.parent).keys() & modules:
            found[".".join(("byzsgd", *file.parent.relative_to(PACKAGE).parts))] = both
    return found


SHADOWED = shadowed()


def test_only_members_have_the_names_of_their_modules():
    families = [part for part in PARTS if part.count(".") == 1 or part.startswith("byzsgd.kernel")]
    beside = {name for name in SHADOWED if not any(f"{name}.".startswith(f"{family}.") for family in families)}
    assert not beside


@pytest.mark.parametrize("family", sorted(SHADOWED))
def test_a_member_is_what_its_name_says_whatever_was_imported(family):
    """`byzsgd.attacks.lie` is the attack. Its module is what `import_module` gives, or `from byzsgd.attacks.lie import`
    reads: importing it takes the name from nobody."""
    package = import_module(family)
    for name in SHADOWED[family]:
        module = import_module(f"{family}.{name}")
        member = getattr(package, name)
        assert isinstance(module, ModuleType) and not isinstance(member, ModuleType)
        assert any(each is member for each in vars(module).values()), (
            f"{family}.{name} needs its member in its own file"
        )
