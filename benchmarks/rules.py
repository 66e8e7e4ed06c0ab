"""Times every rule beside the same rule of byzfl and ByzPy, if these are installed.

    python benchmarks/rules.py                          # all rules, n=20 and 50, d=1e4, 1e5, 1e6
    python benchmarks/rules.py --d 100000 --only krum,nnm --rounds 20

First it checks that the values agree, by the definitions of each library (their Krum counts n-f-1 neighbours, …). Then
it runs the candidates in a new random order every round, in one process and one thread. It prints medians of ratios of
CPU time, pair by pair: how many times longer the other library took than ours with its definition, and how many times
longer ours took, with its defaults, than the floor (one copy of the (n, d) tensor). Read ratios only; absolute times
depend on the machine and its load.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators import preaggregators, rules

Call = Callable[[Tensor], Any]


@dataclass
class Case:
    """One rule: ours and those of others, with a tolerance for the values of others (None: theirs is random)."""

    ours: Call
    byzfl: Call | None = None
    byzpy: Call | None = None
    # ours with their definition, if our default differs
    as_byzfl: Call | None = None
    as_byzpy: Call | None = None
    tolerance: dict[str, float | None] = field(default_factory=dict)
    most_rows: int = 10_000


def load(name: str) -> Any:
    """The library, or None with the reason on the screen."""
    try:
        if name == "byzfl":
            import byzfl

            return byzfl
        import byzpy.aggregators.coordinate_wise as coordinate
        import byzpy.aggregators.geometric_wise as geometric
        import byzpy.aggregators.norm_wise as norm
        import byzpy.pre_aggregators as pre

        merged = argparse.Namespace()
        for module in (coordinate, geometric, norm, pre):
            vars(merged).update({key: value for key, value in vars(module).items() if key[0].isupper()})
        return merged
    except Exception as error:  # an optional library may fail in any way
        print(f"without {name}: {type(error).__name__}: {error}")
        return None


def cases(f: int, n: int, fl: Any, py: Any) -> dict[str, Case]:
    generator = np.random.default_rng

    def theirs(build: Callable[[], Any]) -> Call | None:
        return build() if fl is not None else None

    def listed(build: Callable[[], Any], method: str = "aggregate") -> Call | None:
        if py is None:
            return None
        call = getattr(build(), method)
        return lambda x: call(list(x.unbind()))

    m = n - f
    return {
        "mean": Case(rules.mean, theirs(lambda: fl.Average())),
        "median": Case(rules.median, theirs(lambda: fl.Median()), listed(lambda: py.CoordinateWiseMedian())),
        "trimmed_mean": Case(
            lambda x: rules.trimmed_mean(x, f=f),
            theirs(lambda: fl.TrMean(f=f)),
            listed(lambda: py.CoordinateWiseTrimmedMean(f=f)),
        ),
        "meamed": Case(
            lambda x: rules.meamed(x, f=f), theirs(lambda: fl.Meamed(f=f)), listed(lambda: py.MeanOfMedians(f=f))
        ),
        "phocas": Case(lambda x: rules.phocas(x, f=f)),
        "krum": Case(
            lambda x: rules.krum(x, f=f),
            theirs(lambda: fl.Krum(f=f)),
            listed(lambda: py.Krum(f=f)),
            as_byzfl=lambda x: rules.krum(x, f=f, neighbours=n - f - 1),
            as_byzpy=lambda x: rules.krum(x, f=f, neighbours=n - f - 1),
        ),
        "multi_krum": Case(
            lambda x: rules.multi_krum(x, f=f),
            theirs(lambda: fl.MultiKrum(f=f)),
            listed(lambda: py.MultiKrum(f=f, q=m)),
            as_byzfl=lambda x: rules.multi_krum(x, f=f, neighbours=n - f - 1, m=m),
            as_byzpy=lambda x: rules.multi_krum(x, f=f, neighbours=n - f - 1, m=m),
        ),
        "bulyan": Case(lambda x: rules.bulyan(x, f=f)),
        "geometric_median": Case(
            lambda x: rules.geometric_median(x, tolerance=1e-6),
            None,
            listed(lambda: py.GeometricMedian(tol=1e-6)),
            tolerance={"byzpy": 1e-3},
        ),
        "rfa": Case(
            rules.rfa,
            theirs(lambda: fl.GeometricMedian(nu=0.1, T=3)),
            as_byzfl=lambda x: rules.rfa(x, start="zero", smoothing=0.1),
        ),
        "centered_clipping": Case(
            lambda x: rules.centered_clipping(x, radius=100.0),
            theirs(lambda: fl.CenteredClipping(tau=100.0, L=1)),
            listed(lambda: py.CenteredClipping(c_tau=100.0, M=1, init="zero")),
        ),
        "centered_clipping, 5 steps": Case(
            lambda x: rules.centered_clipping(x, radius=100.0, steps=5),
            theirs(lambda: fl.CenteredClipping(tau=100.0, L=5)),
            listed(lambda: py.CenteredClipping(c_tau=100.0, M=5, init="zero")),
        ),
        "mda": Case(
            lambda x: rules.mda(x, f=f),
            theirs(lambda: fl.MDA(f=f)),
            listed(lambda: py.MinimumDiameterAveraging(f=f)),
            most_rows=10,
        ),
        "smea": Case(
            lambda x: rules.smea(x, f=f),
            theirs(lambda: fl.SMEA(f=f)),
            listed(lambda: py.SMEA(f=f)),
            tolerance={"byzfl": None},
            most_rows=10,
        ),
        "mva": Case(lambda x: rules.mva(x, f=f), most_rows=20),
        "caf": Case(
            lambda x: rules.caf(x, f=f),
            theirs(lambda: fl.CAF(f=f)),
            listed(lambda: py.CAF(f=f)),
            tolerance={"byzfl": None, "byzpy": None},
        ),
        "cge": Case(lambda x: rules.cge(x, f=f), None, listed(lambda: py.ComparativeGradientElimination(f=f))),
        "monna": Case(
            lambda x: rules.monna(x, f=f), theirs(lambda: fl.MoNNA(f=f, idx=0)), listed(lambda: py.MoNNA(f=f))
        ),
        "aksel": Case(lambda x: rules.aksel(x, f=f)),
        "dnc": Case(lambda x: rules.dnc(x, f=f, rng=generator(0))),
        "sign_majority": Case(rules.sign_majority),
        "fltrust": Case(lambda x: rules.fltrust(x, trusted=x[0])),
        "flag": Case(rules.flag),
        "flag_single": Case(rules.flag_single),
        "weighted_median": Case(lambda x: rules.weighted_median(x, torch.arange(1, n + 1))),
        "weighted_geometric_median": Case(lambda x: rules.weighted_geometric_median(x, torch.arange(1, n + 1))),
        "ctma": Case(lambda x: rules.ctma(x, torch.arange(1, n + 1), share=f / n)),
        "nnm": Case(
            lambda x: preaggregators.nnm(x, f=f),
            theirs(lambda: fl.NNM(f=f)),
            listed(lambda: py.NearestNeighborMixing(f=f), "pre_aggregate"),
        ),
        "bucketing": Case(
            lambda x: preaggregators.bucketing(x, rng=generator(0)),
            theirs(lambda: fl.Bucketing(s=2)),
            listed(lambda: py.Bucketing(2), "pre_aggregate"),
            tolerance={"byzfl": None, "byzpy": None},
        ),
        "clipping": Case(
            preaggregators.clipping,
            theirs(lambda: lambda x: fl.Clipping(c=2.0)(x.clone())),
            listed(lambda: py.Clipping(threshold=2.0), "pre_aggregate"),
        ),
        "arc": Case(
            lambda x: preaggregators.arc(x, f=f),
            theirs(lambda: lambda x: fl.ARC(f=f)(x.clone())),
            listed(lambda: py.ARC(f=f), "pre_aggregate"),
        ),
    }


def values(answer: Any) -> Tensor:
    return torch.stack(list(answer)) if isinstance(answer, list | tuple) else torch.as_tensor(answer)


def agreement(case: Case, x: Tensor) -> dict[str, str]:
    """How far the values of the others are from ours, with their definition."""
    remarks = {}
    for library, other, ours in (
        ("byzfl", case.byzfl, case.as_byzfl or case.ours),
        ("byzpy", case.byzpy, case.as_byzpy or case.ours),
    ):
        if other is None:
            continue
        tolerance = case.tolerance.get(library, 1e-4)
        if tolerance is None:
            remarks[library] = "random"
            continue
        wanted = values(ours(x))
        distance = float((values(other(x)) - wanted).abs().max() / wanted.abs().max())
        remarks[library] = "" if distance <= tolerance else f"differs by {distance:.1g}"
    return remarks


def measure(candidates: dict[str, Call], x: Tensor, rounds: int, rng: random.Random) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        order = list(candidates)
        rng.shuffle(order)
        for name in order:
            x.sum()
            start = time.process_time()
            candidates[name](x)
            times[name].append(time.process_time() - start)
    return times


def ratio(over: list[float], under: list[float]) -> float:
    return statistics.median(a / max(b, 1e-9) for a, b in zip(over, under, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", default="20,50")
    parser.add_argument("--d", default="10000,100000,1000000")
    parser.add_argument("--only", default="", help="names, comma separated")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fl, py = load("byzfl"), load("byzpy")
    rng = random.Random(0)
    print("| rule | n, f, d | byzfl / ours | ByzPy / ours | ours / floor | values |")
    print("|---|---|---|---|---|---|")
    only = [name for name in options.only.split(",") if name]
    for d in map(int, options.d.split(",")):
        for n in map(int, options.n.split(",")):
            for name in cases(1, n, fl, py):
                if only and name not in only:
                    continue
                rows = min(n, cases(1, n, fl, py)[name].most_rows)
                if rows < n != min(map(int, options.n.split(","))):
                    continue
                f = rows // 5
                case = cases(f, rows, fl, py)[name]
                x = torch.randn(rows, d, generator=torch.Generator().manual_seed(1))
                target = torch.empty_like(x)
                remarks_of = agreement(case, x)
                ours = {"ours": case.ours, "as_byzfl": case.as_byzfl, "as_byzpy": case.as_byzpy}
                candidates: dict[str, Call] = {key: call for key, call in ours.items() if call is not None}
                candidates["floor"] = target.copy_
                others = {"byzfl": case.byzfl, "byzpy": case.byzpy}
                candidates |= {library: call for library, call in others.items() if call is not None}
                times = measure(candidates, x, options.rounds, rng)
                shown = [
                    f"{ratio(times[library], times.get(f'as_{library}', times['ours'])):.1f}"
                    if library in times
                    else "–"
                    for library in others
                ]
                remarks = ", ".join(f"{library} {text}" for library, text in remarks_of.items() if text)
                floor = ratio(times["ours"], times["floor"])
                print(
                    f"| {name} | {rows}, {f}, {d:.0e} | {shown[0]} | {shown[1]} | {floor:.1f} | {remarks or 'agree'} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
