"""No composition ends in a traceback, hangs or takes the machine's memory: it runs, or is refused in one line."""

import compositions
import pytest

LONG = pytest.mark.slow
# The alarm may ring within a callback of the collector, which swallows it; it rings again.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("count", [6, pytest.param(1000, marks=LONG)])
def test_valid_compositions_run_or_are_refused(count):
    tally = compositions.tried(compositions.valid(), count)
    assert not tally.breaches, "\n".join(tally.breaches)
    assert tally.outcomes["finished"] >= count / 2  # else too few of them try anything


@pytest.mark.parametrize("count", [8, pytest.param(500, marks=LONG)])
def test_nasty_compositions_run_or_are_refused(count):
    tally = compositions.tried(compositions.nasty(), count)
    assert not tally.breaches, "\n".join(tally.breaches)
    assert tally.outcomes["refused"] >= count / 4


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (["budget.arrivals=1"], "finished"),
        (["seed=-1"], "refused"),
        (["attack=label_flip", "num_byzantine=1", "dataset=least_squares"], "refused"),
        (["model=mlp", "model.widths=[1000000000]"], "refused"),
        (["worker=local_steps", f"worker.steps={compositions.BILLION}"], "asked for too much"),
    ],
)
def test_the_verdict_is_what_happened(words, outcome, monkeypatch):
    monkeypatch.setattr(compositions, "PATIENCE", 0.5)
    assert compositions.played(words) == outcome


def test_errors_of_the_program_are_breaches(monkeypatch):
    for error in (TypeError("x"), KeyError("x"), ValueError("could not broadcast"), RuntimeError("x needs y")):

        def fail(*words, error=error):
            raise error

        monkeypatch.setattr(compositions, "experiment", fail)
        assert compositions.played([]).startswith("BREACH")


def test_a_refusal_after_the_start_is_a_breach(monkeypatch):
    class Late:
        def start(self, folder, screen):
            return self

        def complete(self, stopped):
            raise ValueError("x needs y; got z")

    monkeypatch.setattr(compositions, "experiment", lambda *words: Late())
    assert compositions.played([]) == "BREACH: refused under way: x needs y; got z"


def test_what_does_not_end_is_a_breach(monkeypatch):
    monkeypatch.setattr(compositions, "LONGEST", 0.2)
    assert compositions.played(["budget.arrivals=100000"]) == "BREACH: still at work after 0.2 s"
