"""Which one-line mutations of byzsgd its tests do not notice.

    python tests/mutations/mutate.py             all of them; some minutes
    python tests/mutations/mutate.py kernel/     those of the files whose name has this in it

Each is made in a copy of the tree, and the tests that `mutations.toml` names for it are run there. They must fail: that
they pass without it is what `make test` says. Exit code 1 if one survives that does not say why it must (`survives`).
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutations.toml")
COPIED = ("byzsgd", "conf", "hydra_plugins", "plots", "docs", "benchmarks", "tests")
FILES = ("pyproject.toml", "README.md", "CONTRIBUTING.md", "Makefile", "constraints.txt")
PASSED, FAILED = 0, 1  # exit codes of pytest; any other says that the tests could not be run
LIMIT = 300.0  # seconds: a run that never ends has been noticed


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One line of a file below byzsgd/, what it becomes, and the tests that must notice it."""

    file: str
    line: str
    becomes: str
    tests: str  # arguments of pytest
    pure: bool = False  # whether compiled code is interpreted meanwhile
    survives: str = ""  # why no test can notice it

    def of(self, text: str) -> str:
        """The file with this mutation. ValueError unless the line stands in it once."""
        if (count := text.count(self.line)) != 1:
            raise ValueError(f"a mutation of byzsgd/{self.file} needs a line that stands there once; got {count} times "
                             f"{self.line!r}")  # fmt: skip
        return text.replace(self.line, self.becomes)

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.line.split())[:70]} → {' '.join(self.becomes.split())[:70]}"


def mutations() -> list[Mutation]:
    return [Mutation(**each) for each in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutation"]]


def main(words: list[str]) -> int:
    chosen = [each for each in mutations() if not words or any(word in each.file for word in words)]
    with tempfile.TemporaryDirectory(prefix="byzsgd-mutations-") as place:
        copy = Path(place)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy2(ROOT / name, copy / name)
        # By their hashes, since a mutation may have the time and the length of what was there before.
        checked = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(copy / "byzsgd", quiet=2, invalidation_mode=checked)
        survivors = []
        for number, each in enumerate(chosen, 1):
            began = time.perf_counter()
            path = copy / "byzsgd" / each.file
            text = path.read_text(encoding="utf-8")
            path.write_text(each.of(text), encoding="utf-8")
            code = tested(copy, each)
            path.write_text(text, encoding="utf-8")
            if code != FAILED:
                survivors.append(each)
            said = {PASSED: "SURVIVES", FAILED: "noticed"}.get(code, f"pytest exit code {code}")
            print(f"{number:3}/{len(chosen)} {time.perf_counter() - began:5.0f} s  {said:10} {each}", flush=True)
            if code not in (PASSED, FAILED):
                print((copy / "log").read_text(encoding="utf-8")[-1500:], flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutations noticed")
    for each in survivors:
        print(f"  not noticed: {each}\n    {each.survives or 'unexplained'}")
    return int(any(not each.survives for each in survivors))


def tested(copy: Path, mutation: Mutation) -> int:
    """What pytest says of the copy, in a process that is forked so that PyTorch is imported once for all."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 3
        try:
            os.setsid()
            code = _tested(copy, mutation)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return FAILED


def _tested(copy: Path, mutation: Mutation) -> int:
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy)}
    sys.path.insert(0, str(copy))
    if mutation.pure:
        os.environ |= {"XDG_CACHE_HOME": "/dev/null"}
        from numba.core import config

        config.DISABLE_JIT = True
    log = os.open(copy / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    import pytest

    return int(
        pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-m", "not slow and not gpu", *shlex.split(mutation.tests)])
    )


def warm() -> None:
    """What every test needs and no mutation touches."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.dont_write_bytecode = True
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() not in (ROOT, Path(__file__).parent)]
    import matplotlib.figure  # noqa: F401
    import pytest  # noqa: F401
    import torch  # noqa: F401

    assert "byzsgd" not in sys.modules


if __name__ == "__main__":
    # What every test needs and no mutation touches: imported once, before a process is forked for each.
    import antlr4  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import numba  # noqa: F401
    import polars  # noqa: F401
    import pytest  # noqa: F401
    import torch  # noqa: F401

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() not in (ROOT, Path(__file__).parent)]
    sys.exit(main(sys.argv[1:]))
