"""What a run costs before its first delivery: it imports what it needs, and composes once. Never held by a time."""

import os
import pickle
import subprocess
import sys

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

import byzsgd
from byzsgd.cli import main
from byzsgd.config.compose import Source, composed, register_resolvers
from byzsgd.config.loader import Loader
from byzsgd.config.locations import CONF

TINY = ("num_workers=7", "num_byzantine=1", "budget.arrivals=1", "batch_size=4")
# Each costs between a twentieth of what importing PyTorch does and half of it.
UNNEEDED = ("matplotlib", "numba", "rich.progress", "rich.table", "scipy", "sklearn", "torchvision")
WORDS = (
    ["aggregator=kardam", "aggregator/rule=krum", "aggregator/collector=buffer", "aggregator.collector.size=5"],
    ["experiment=quickstart", "scheme=d_psgd", "scheme/graph=torus", "+extra=1", "~tracker", "hydra.job.chdir=true"],
    ["attack=lie", "seed=3", "seed=4", "attack.z=formula", "hydra.run.dir='a b'", "optimizer.lr=${budget.arrivals}"],
    ["optimizer={lr:3}", "aggregator=krum", "f=null", "plugins=['x=y']", "hydra.sweep.subdir=${seed}"],
    ["aggregator/filters=[frequency,lipschitz]", "aggregator.filters.lipschitz.f=2", "plugins=[a,b]", "batch_size=1e2"],
    ["scheme=d_psgd", "scheme/exchange=choco", "compressor@scheme.exchange.compressor=top_k", "num_workers=9"],
)
WRONG = (
    ["agregator=krum"], ["aggregator=krumm"], ["aggregator.sise=3"], ["seed.x=3"], ["aggregator/rule=krum", "a=1"],
    ["x@y=3"], ["seed=1,2"], ["seed=${a"], ["hydra.run.dirr=x"], ["attack=lie", "attack.z.y=1", "seed=3"],
)  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_imports_nothing_that_it_does_not_need(tmp_path):
    code = (
        "import sys, byzsgd.models, byzsgd.partitions\nfrom byzsgd.cli import main\n"
        f"code = main(['train', *{TINY!r}, 'hydra.run.dir=run'])\n"
        f"print(code, [name for name in {UNNEEDED!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
                          cwd=tmp_path, env=environment)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


@pytest.fixture
def counted(monkeypatch):
    """How often a configuration is composed, and how often each file is read."""
    counts = {"composed": 0, "merged": 0}

    def count(owner, method, name):
        before = getattr(owner, method)

        def counting(self, *given, **named):
            counts[name or given[0]] = counts.get(name or given[0], 0) + 1
            return before(self, *given, **named)

        monkeypatch.setattr(owner, method, counting)

    monkeypatch.setattr(Loader, "_last", None)  # as in a process that begins
    count(ConfigLoaderImpl, "_load_configuration_impl", "composed")
    count(ConfigLoaderImpl, "_compose_config_from_defaults_list", "merged")
    count(ConfigRepository, "load_config", None)
    return counts


def test_a_run_is_composed_once(counted):
    assert main(["train", *TINY, "hydra.run.dir=run"]) == 0
    assert set(counted.values()) == {1}


def test_the_jobs_of_a_sweep_are_read_once_and_composed_once_for_each_choice(counted):
    """Six jobs of two servers, each needed before the first and when it begins. The sweep itself is composed without
    and with what it adds for its jobs."""
    assert main(["train", "-m", "aggregator=asgd,krum", "seed=range(3)", *TINY, "hydra.sweep.dir=sweep"]) == 0
    assert (counted.pop("merged"), counted.pop("composed")) == (4, 4)
    assert set(counted.values()) == {1}


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[0])
def test_what_is_remembered_is_what_hydra_composes(words):
    """In whatever order, whatever was changed in an earlier answer, and in another process."""
    register_resolvers()
    mine, plain = Loader(path := create_config_search_path(str(CONF))), ConfigLoaderImpl(path)
    both = (words, [*words, "seed=7"])
    wanted = [plain.load_configuration("config", list(told), RunMode.RUN) for told in both]
    for loader in (mine, pickle.loads(pickle.dumps(mine))):
        for which in (0, 1, 0):
            got = loader.load_configuration("config", list(both[which]), RunMode.RUN)
            assert got == wanted[which]
            assert OmegaConf.get_type(got.hydra) is OmegaConf.get_type(wanted[which].hydra)
            assert OmegaConf.is_struct(got) and not OmegaConf.is_readonly(got.hydra)
            OmegaConf.set_struct(got, False)
            got.aggregator, got.hydra.job.num, got.seed = "changed", 5, -1


@pytest.mark.parametrize("words", WRONG, ids=lambda words: words[-1])
def test_what_hydra_refuses_is_refused_in_its_words(words):
    register_resolvers()
    said = []
    for loader in (Loader(path := create_config_search_path(str(CONF))), ConfigLoaderImpl(path)):
        with pytest.raises(HydraException) as error:
            OmegaConf.to_container(loader.load_configuration("config", list(words), RunMode.RUN), resolve=True)
        said.append((type(error.value), str(error.value), str(error.value.__cause__)))
    assert said[0] == said[1]


def test_jobs_in_another_process_share_one_memory():
    sent = pickle.dumps(Loader(create_config_search_path(str(CONF))))
    first, second = pickle.loads(sent), pickle.loads(sent)
    assert first._composed is second._composed and first.repository is second.repository
    assert pickle.loads(pickle.dumps(Loader(first.config_search_path)))._composed is not first._composed


def test_experiments_in_python_share_what_they_read(counted):
    for seed in range(3):
        byzsgd.experiment(f"seed={seed}", *TINY)
    assert set(counted.values()) == {1}


def test_the_folder_that_one_is_in_is_the_one_of_now(tmp_path, monkeypatch):
    for place in (tmp_path / "one", tmp_path / "other"):
        place.mkdir()
        monkeypatch.chdir(place)
        assert composed(TINY).hydra.runtime.cwd == str(place)


def test_a_file_that_has_changed_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(Loader, "_last", None)
    path, loaders = create_config_search_path(str(tmp_path)), []
    for text in ("a: 1\n", "a: 23\n", "a: 45\n", None):
        if text:
            (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
            os.utime(tmp_path / "mine.yaml", ns=(0, len(loaders)))
        loaders.append(Loader.on(tmp_path, path))
        assert loaders[-1].load_configuration("mine", [], RunMode.RUN).a == (int(text.split()[1]) if text else 45)
    assert loaders[3] is loaders[2] and len({id(each) for each in loaders}) == 3


def test_the_next_command_reads_the_files_as_they_are_then(tmp_path):
    (tmp_path / "attack").mkdir()
    for value in (1.0, 2.0):
        text = f"_target_: byzsgd.attacks.reversed\nscale: {value}\n"
        (tmp_path / "attack" / "mine.yaml").write_text(text, encoding="utf-8")
        assert composed(["attack=mine"], Source(folder=str(tmp_path))).attack.scale == value
        words = ["attack=mine", f"hydra.searchpath=[file://{tmp_path}]"]
        assert composed(words).attack.scale == value
