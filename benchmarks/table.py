"""All rows of docs/performance.md, each in a process of its own: ratios of sums, with records, evaluations and
checkpoints.

    python benchmarks/table.py [--rows asgd,rounds] [--short]

`--rows`: only rows whose name contains one of the words. `--short`: a turn or two each, to see that a row runs. If the
rival of a row is not installed (jax: `pip install 'byzsgd[bench]'`; byzfl: `pip install byzfl`), a line says so and the
other rows go on.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CHAINS = "digits,logistic,'MLP 784'"
BOTH = "--servers asgd,kardam"
LIARS = "--works digits --workers 15 --engines compiled --delays exponential"


@dataclass(frozen=True)
class Row:
    """One command, and the number of its turns."""

    command: str
    turns: str = ""  # its option for the number of turns; empty: it has none
    goal: str = ""


ROWS = {
    "asgd and kardam": Row(
        f"engine.py --works {CHAINS} --workers 10,50,1000 {BOTH} --engines compiled --delays exponential",
        "--pairs 4",
        "n=10/50/1000: digits 7/7/6 and 6/6/5, logistic 4.5/4.5/4 and 4, MLP 784 2.2 and 1.8",
    ),
    "kardam, three liars": Row(
        f"engine.py {LIARS} --servers kardam num_byzantine=3 f=3 attack=reversed", "--pairs 4", "5"
    ),
    "asgd under lie": Row(
        f"engine.py {LIARS} --servers asgd num_byzantine=3 f=3 attack=lie knowledge=delivered", "--pairs 4", "3.5"
    ),
    "krum in a buffer": Row(
        f"engine.py {LIARS} --servers asgd aggregator/collector=buffer aggregator/rule=krum f=2", "--pairs 4", "4"
    ),
    "jax, n=10, 1, 8 and 32 seeds": Row(
        f"jax_peer.py --works {CHAINS} --workers 10 --seeds 1,8,32", "--turns 3", "ahead of jax; 8 seeds 9/4.5/2.3"
    ),
    "jax, n=50": Row(f"jax_peer.py --works {CHAINS} --workers 50 --seeds 1", "--turns 3", "ahead of jax"),
    "jax, n=1000": Row(f"jax_peer.py --works {CHAINS} --workers 1000 --seeds 1", "--turns 3", "ahead of jax"),
    "rounds against byzfl": Row("rounds.py --works digits,'MLP 784' --workers 10,50", "--pairs 5", "n=10/50: 8/10"),
    "convolutional networks": Row(
        f"engine.py --works EMNIST,CIFAR --workers 10,50 {BOTH} --engines loop --delays exponential",
        "--pairs 4",
        "EMNIST 1.4",
    ),
    "bare gradients": Row(
        "engine.py --works ,, --workers 10 --servers none --engines auto --delays exponential", "--pairs 4"
    ),
    "general path": Row(
        f"engine.py --works {CHAINS} --workers 10,50,1000 {BOTH} --engines fused,loop",
        "--pairs 5",
    ),
    "compiled gradients": Row(
        f"engine.py --works {CHAINS} --workers 10,50,1000 --servers asgd --engines fused,auto --delays exponential "
        "delay/availability=periodic",
        "--pairs 4",
    ),
    "memory": Row("memory.py", "--rounds 3", "asgd 1.5, rounds 4"),
    "many workers": Row("many_workers.py"),
    "clock": Row("clock.py"),
    "parts of a run": Row("parts.py"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    words = [word for word in options.rows.split(",") if word]
    failed = []
    for name, row in ROWS.items():
        if words and not any(word in name for word in words):
            continue
        turns = [row.turns.split()[0], "1"] if options.short and row.turns else row.turns.split()
        script, *given = shlex.split(row.command)
        print(f"\n{name}{row.goal and f' (goal: {row.goal})'}\n  {script} {shlex.join([*given, *turns])}", flush=True)
        began = time.perf_counter()
        command = [sys.executable, str(Path(__file__).with_name(script)), *turns, *given]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        if subprocess.run(command, env=environment, check=False).returncode:
            failed.append(name)
        print(f"  {time.perf_counter() - began:.0f} s", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed) > 0


if __name__ == "__main__":
    sys.exit(main())
