"""Schemes on the command line: one without a server takes no aggregator."""

from __future__ import annotations

import pytest

import byzsgd
from byzsgd.config import ConfigError, build
from byzsgd.config.compose import composed, plain


def test_a_scheme_without_a_server_takes_no_aggregator():
    assert byzsgd.experiment("scheme=d_psgd").aggregator is None
    assert byzsgd.experiment().aggregator is not None


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["aggregator=krum"], "scheme d_psgd needs no aggregator, since it has no server; got aggregator=krum"),
        (["aggregator.f=3"], "aggregator has no settings here: nothing was chosen for it"),
        (["delay=staleness_constant"], "needs a delay in seconds"),
        (["stamps=false"], "needs stamps=true"),
        (["metrics.study=true"], "needs metrics.study=false"),
        (["worker=delta"], "needs a worker rule that sends vectors"),
        (["attack=optimal_lie"], "needs an attack that neither asks a server nor lies to it"),
        (["attack=staleness_lie", "attack.staleness=5"], "needs an attack that neither asks a server nor lies to it"),
    ],
)
def test_what_only_a_server_understands_is_refused_in_one_line(overrides, said):
    with pytest.raises((ConfigError, ValueError)) as refused:
        byzsgd.experiment("scheme=d_psgd", *overrides)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_has_no_nodes_to_evaluate():
    with pytest.raises(ValueError, match="metrics.nodes needs a scheme whose nodes have models of their own"):
        byzsgd.experiment("metrics.nodes=true")


def test_the_server_needs_an_aggregator():
    config, choices = plain(composed([]))
    with pytest.raises(ValueError, match="scheme server needs a server"):
        build({**config, "aggregator": None}, choices)
