"""What a State may hold: one list for walking, forking and saving, and every part of byzsgd keeps to it."""

import ast
import collections
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import byzsgd
from byzsgd import records
from byzsgd.cli import main
from byzsgd.config.catalogue import members
from byzsgd.interfaces import BatchKey, Job, Reply, ServerContext
from byzsgd.kernel.lookahead import events
from byzsgd.records.tree import check, fork, walk
from byzsgd.records.tree_format import encode


@dataclass
class Inner:
    value: Any = None


@dataclass
class State:
    context: ServerContext
    table: dict[Any, Any] = field(default_factory=dict)
    pair: tuple[Any, ...] = ()
    inner: Inner = field(default_factory=Inner)


class Point(NamedTuple):
    x: int


class Letters(str):
    pass


FORBIDDEN = {
    "list": ([1, 2], "list"),
    "set": ({1}, "set"),
    "frozenset": (frozenset(), "frozenset"),
    "array": (np.zeros(2), "numpy.ndarray"),
    "generator": (np.random.default_rng(0), "numpy.random._generator.Generator"),
    "deque": (collections.deque(), "collections.deque"),
    "default dict": (collections.defaultdict(int), "collections.defaultdict"),
    "named tuple": (Point(1), f"{__name__}.Point"),
    "own string": (Letters("a"), f"{__name__}.Letters"),
    "bytes": (b"a", "bytes"),
    "complex": (1j, "complex"),
    "function": (len, "builtin_function_or_method"),
    "type": (Inner, "type"),
    "object": (object(), "object"),
    "parameter": (torch.nn.Parameter(torch.zeros(2)), "torch.nn.parameter.Parameter"),
    "gradient": (torch.zeros(2, requires_grad=True), "torch.float32"),
    "sparse": (torch.eye(2).to_sparse(), "torch.float32"),
    "complex tensor": (torch.zeros(2, dtype=torch.complex64), "torch.complex64"),
}
PLACES = {
    ".inner.value": lambda state, bad: setattr(state.inner, "value", bad),
    ".table['a']": lambda state, bad: state.table.update(a=bad),
    ".pair[1]": lambda state, bad: setattr(state, "pair", (0, bad)),
    ".table[3][0].value": lambda state, bad: state.table.update({3: (Inner(bad),)}),
}


def state(num_workers=3):
    return State(ServerContext(num_workers, torch.zeros(2)))


@pytest.mark.parametrize("act", [lambda tree: list(walk(tree)), fork, encode], ids=["walk", "fork", "encode"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", FORBIDDEN)
def test_what_no_state_may_hold_is_refused_by_its_place(kind, place, act):
    tree, (bad, told) = state(), FORBIDDEN[kind]
    act(tree)
    PLACES[place](tree, bad)
    with pytest.raises(ValueError, match="^a (state|checkpoint) needs (plain strided )?tensors") as refused:
        act(tree)
    assert str(refused.value).endswith(f"; got state{place}={told}")


def test_keys_are_looked_at_too():
    for act in (lambda tree: list(walk(tree)), fork, encode):
        with pytest.raises(ValueError, match=r"got state=frozenset$"):
            act({frozenset(): 1})


def test_who_is_named():
    with pytest.raises(ValueError, match=r"^the state of Window needs tensors, numbers, .*; got state.value=list$"):
        check(Inner([]), "the state of Window")
    with pytest.raises(ValueError, match=r"^the state of Window needs tensors, numbers, .*; got state.value=list$"):
        fork(Inner([]), "the state of Window")


def test_a_walk_meets_everything_once():
    shared = {"x": 1}
    tree = (shared, Inner(shared), np.float64(2.0), Reply.HOLD)
    assert [where for where, _ in walk(tree)] == [
        *("state", "state[0]", "state[0]", "state[0]['x']", "state[1]", "state[2]", "state[3]"),
    ]
    node = Inner()
    node.value = {"self": node}
    assert len(list(walk(node))) == 3


def deep():
    vector = torch.zeros(2)
    tree = state()
    tree.table = {1: {2: {3: vector}}, BatchKey(1, 2): (Inner({"a": 1}), 0.5), None: (1, 2.0, "c")}
    tree.pair = (Job(0, 1, 2, 3.0, 4.0), ({"b": (Inner(1),)},), True, np.int64(3), Reply.DISPATCH)
    tree.inner = Inner(Inner(vector))
    return tree, vector


def test_a_fork_is_equal_and_independent():
    tree, vector = deep()
    twin, before = fork(tree), encode(tree)[0]
    assert encode(twin)[0] == before
    assert twin.context is tree.context
    assert twin.table[1][2][3] is vector is twin.inner.value.value
    twin.table[1][2][3] = 0
    twin.table[BatchKey(1, 2)][0].value["a"] = 2
    twin.pair[1][0]["b"][0].value = 7
    twin.pair[1][0]["c"] = 1
    twin.inner.value.value = None
    del twin.table[None]
    assert encode(tree)[0] == before


def test_what_is_shared_is_shared_in_the_fork():
    shared = {"count": 1}
    twin = fork(Inner((shared, Inner(shared))))
    twin.value[0]["count"] = 2
    assert twin.value[1].value == {"count": 2}
    assert shared == {"count": 1}
    node = Inner()
    node.value = {"self": node}
    twin = fork(node)
    assert twin.value["self"] is twin is not node


# Servers, attacks and clocks: in test_servers.py, test_attack_laws.py and test_saved.py of their folders.
@pytest.mark.parametrize("group", ["worker", "optimizer"])
def test_every_part_keeps_to_it(group):
    deltas = ("aggregator=mifa", "aggregator.deltas=true")
    small = ("num_workers=7", "num_byzantine=1", "f=1", "batch_size=2", "model=logistic_regression")
    for member in members(group):
        server = deltas if member.name == "delta" else ("aggregator=asgd",)
        session = byzsgd.experiment(f"{group}={member.name}", *server, *small).prepare()
        now = session.begin(session.initial.clone())
        deliveries = events(session.kernel, now, session.engine)
        for _ in range(3):
            for part in (now.models.optimizer[0], *now.workers.values()):
                check(part, member.name)
                assert encode(fork(part))[0] == encode(part)[0]
            for _ in zip(range(8), deliveries, strict=False):
                pass


PLUGIN = """
from dataclasses import dataclass, field
from typing import ClassVar

from byzsgd.aggregators.foresight import foresee
from byzsgd.interfaces import Attack, Decision


@dataclass
class State:
    history: {kind} = field(default_factory={kind})


@dataclass(frozen=True, kw_only=True)
class Window:
    expects: ClassVar[str] = "vectors"
    scores: ClassVar[tuple[str, ...]] = ()

    def check(self, num_workers): ...

    def init(self, context):
        return State()

    def receive(self, state, arrival):
        {remember}
        return Decision(True, "accepted", 1.0, sum(state.history[-5:]) / 5, {{}})

    def preview(self, state, arrivals):
        return foresee(self, state, arrivals)


@dataclass(frozen=True, kw_only=True)
class Asking(Attack):
    asks: int

    def forge(self, view):
        for _ in range(self.asks):
            view.aggregator.preview(view.state, [view.arrival(view.own)] * 3)
        return -view.own
"""
KINDS = {"list": "state.history.append(arrival.vector)", "tuple": "state.history = (*state.history, arrival.vector)"}


@pytest.fixture
def window(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for kind, remember in KINDS.items():
        Path(f"window_{kind}.py").write_text(PLUGIN.format(kind=kind, remember=remember), encoding="utf-8")

    def run(kind, asks, folder):
        module = f"window_{kind}"
        return main([
            *("train", f"plugins=[{module}]", f"+aggregator={{_target_: {module}.Window}}", f"hydra.run.dir={folder}"),
            *("num_workers=5", "num_byzantine=1", "f=1", "budget.arrivals=60", "eval_every=20", "batch_size=4"),
            *("checkpoint_every=30", "model=logistic_regression", "~aggregator", "~attack"),
            f"+attack={{_target_: {module}.Asking, asks: {asks}}}",
        ])  # fmt: skip

    return run


def test_a_plugin_with_a_list_is_refused_before_the_run(window, capsys):
    assert window("list", 0, "here") == 2
    assert not Path("here").exists()
    assert capsys.readouterr().err.strip() == (
        "byzsgd: the state of Window needs tensors, numbers, booleans, strings, enums, None, tuples, dicts and "
        "dataclasses of those; got state.history=list"
    )


def test_its_twin_with_a_tuple_is_not_changed_by_previews(window):
    assert window("tuple", 0, "quiet") == window("tuple", 3, "asked") == 0
    quiet, asked = byzsgd.load("quiet"), byzsgd.load("asked")
    assert quiet.metrics.equals(asked.metrics)
    assert quiet.arrivals.equals(asked.arrivals)


def test_every_name_of_records_is_found():
    """Its names are imported when they are asked for; type checkers read a list of their own."""
    tree = ast.parse(Path(records.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    names = {alias.asname for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}
    assert names == set(records._HOME)
    assert all(getattr(records, name) is not None for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = records.nothing


def test_records_import_nothing_until_they_are_asked():
    """Every family imports `records.tree`, and so this package."""
    code = "import sys, byzsgd.records; sys.exit(bool({'torch', 'polars', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_else_writes_to_what_is_frozen():
    package = Path(byzsgd.__file__).parent
    files = [file for root in (package, package.parent / "hydra_plugins") for file in root.rglob("*.py")]
    writing = {
        file.relative_to(package.parent).as_posix() for file in files if "object.__setattr__" in file.read_text()
    }
    assert writing == {"byzsgd/records/tree.py"}
