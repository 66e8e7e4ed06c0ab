"""Every server from the command line under every attack and every delay: real `main`, tiny settings.

The fast test gives each server one attack and one delay, so that every attack and delay is met; the slow one covers all
pairs of (server, attack) and of (server, delay).
"""

import itertools

import pytest
from thinning import one_in

import byzsgd
from byzsgd.cli import main
from byzsgd.config.catalogue import members

SERVERS, ATTACKS, DELAYS = ([member.name for member in members(group)] for group in ("aggregator", "attack", "delay"))
ATTACKS.remove("dissensus")  # of nodes with neighbours
PRESCRIBED = {"d1", "d2", "staleness_constant", "staleness_geometric", "staleness_uniform"}
TIMED = {"crash", "collusion", "frequency_squat"}  # attacks that choose when to deliver
SMALL = ("num_workers=9", "num_byzantine=1", "batch_size=4", "budget.arrivals=40", "eval_every=40")
MODEL = ("model=logistic_regression", "dtype=float64")


def pairs(shift):
    """(server, attack, delay) for one attack per server; over all shifts every pair with a server comes up."""
    assert len(ATTACKS) >= len(DELAYS)
    for number, server in enumerate(SERVERS):
        yield server, ATTACKS[(number + shift) % len(ATTACKS)], DELAYS[(number + shift) % len(DELAYS)]


def delay(name, folder):
    if name != "trace":
        return (f"delay={name}",)
    table = folder / "jobs.csv"
    lines = [f"{worker},{turn},{1 + (worker + turn) % 3}" for worker, turn in itertools.product(range(9), range(5))]
    table.write_text("\n".join(("worker,serial,seconds", *lines)) + "\n", encoding="utf-8")
    return ("delay=trace", f"delay.path={table}")


def run(server, attack, law, folder, capsys, *overrides):
    """What the command answers; a refusal is exit code 2, one line, and nothing left behind."""
    command = [f"aggregator={server}", f"attack={attack}", *delay(law, folder), *SMALL, *MODEL, *overrides]
    code = main(["train", *command, f"hydra.run.dir={folder}/run"])
    shown = capsys.readouterr()
    if code:
        assert (code, len(shown.err.strip().splitlines())) == (2, 1), shown.err
        return shown.err
    found = byzsgd.load(folder / "run")
    assert found.info["status"] in ("finished", "diverged", "stalled")
    assert found.info["status"] != "finished" or len(found.arrivals) == 40
    return ""


def refusal(attack, law):
    """What makes no sense together."""
    if law in PRESCRIBED and attack in TIMED:
        return "a delay with prescribed staleness needs an attack without timing of its own"
    return ""


@pytest.mark.parametrize(("server", "attack", "law"), one_in(2, pairs(0), several=True))
def test_every_server_under_an_attack_and_a_delay(server, attack, law, tmp_path, capsys):
    said, expected = run(server, attack, law, tmp_path, capsys), refusal(attack, law)
    assert expected in said if expected else said == ""


@pytest.mark.slow
@pytest.mark.parametrize("shift", range(1, len(ATTACKS)))
def test_every_server_under_every_attack_and_every_delay(shift, tmp_path, capsys):
    for server, attack, law in pairs(shift):
        folder = tmp_path / server
        folder.mkdir()
        said, expected = run(server, attack, law, folder, capsys), refusal(attack, law)
        assert expected in said if expected else said == "", (server, attack, law)


def test_what_makes_no_sense_together_is_said(tmp_path, capsys):
    for attack, law in zip(sorted(TIMED), sorted(PRESCRIBED)[-3:], strict=True):
        assert refusal(attack, law) in run("kardam", attack, law, tmp_path, capsys)
    said = run("kardam", "reversed", "staleness_uniform", tmp_path, capsys, "knowledge=in_flight")
    assert "knowledge own or delivered" in said
    assert "knowledge=delivered or more" in run("kardam", "lie", "exponential", tmp_path, capsys, "knowledge=own")
    for server in ("zeno_pp", "afl_guard", "fltrust", "monna"):
        said = run(server, "none", "exponential", tmp_path, capsys, "dataset.trusted=0")
        assert "needs trusted data" in said
        assert "dataset.trusted=100" in said


def test_buckets_outlive_the_workers_behind_them(tmp_path, capsys):
    """Workers 1 and 5 crash at once and leave a bucket of four empty: no step, unless buckets are dealt out anew."""
    updates = []
    for number, after in enumerate(("null", "12")):
        folder = tmp_path / str(number)
        folder.mkdir()
        overrides = ("num_byzantine=2", "byzantine_ids=[1,5]", "aggregator.collector.buckets=4", "f=1")
        patience = (f"aggregator.collector.reassign_after={after}", "num_workers=8", "budget.arrivals=120")
        command = ["train", "aggregator=basgd", "attack=crash", *SMALL[2:3], *MODEL, *overrides, *patience]
        assert main([*command, f"hydra.run.dir={folder}/run"]) == 0
        updates.append(byzsgd.load(folder / "run").arrivals["updated"].sum())
    assert updates[0] == 0
    assert updates[1] > 5
