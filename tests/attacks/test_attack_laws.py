"""Laws of every attack in conf/attack."""

import inspect
import math
from dataclasses import replace
from functools import partial
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from attack_world import CONF, MEMBERS, MeanServer, config, context, member, view
from omegaconf import OmegaConf

from byzsgd import attacks
from byzsgd.interfaces import SEES, Attack, Message, View
from byzsgd.records.tree import check, fork
from byzsgd.records.tree_format import encode

NOT_FINITE = {"not_a_number", "infinity"}


def seen_by(attack: Attack, seen: View) -> View:
    """The part of a view that the simulation would show to this attack."""
    return seen if attack.sees != "own" else replace(seen, honest=seen.honest[:0])


def vector(sent) -> torch.Tensor:
    return sent.vector if isinstance(sent, Message) else sent


def turns(attack: Attack, views: list[View], **sizes) -> list[torch.Tensor]:
    """What liars send in turn; all share the memory."""
    memory = attack.init(context(d=views[0].own.numel(), **sizes))
    check(memory, "the memory at first")
    sent = [vector(attack.forge(replace(seen_by(attack, seen), memory=memory))) for seen in views]
    check(memory, "the memory of an attack")
    assert encode(fork(memory))[0] == encode(memory)[0]
    return sent


def story(dtype=torch.float32, **fields) -> list[View]:
    """Twelve turns of three liars, four steps apart, on moving models."""
    return [
        view(seed=turn, dtype=dtype, worker=turn % 3, step=9 + turn, read_at=4 + turn, time=float(turn), **fields)
        for turn in range(12)
    ]


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_those_of_the_own_vector(name, dtype):
    for seen, sent in zip(story(dtype), turns(member(name), story(dtype)), strict=True):
        assert sent.shape == seen.own.shape
        assert sent.dtype == dtype
        assert sent.device == seen.own.device
        assert name in NOT_FINITE or sent.isfinite().all()


@pytest.mark.parametrize("name", MEMBERS)
def test_forging_alters_nothing_that_it_is_shown(name):
    views = story()
    before = [
        [each.clone() for each in (seen.own, seen.honest, seen.params, seen.read_params)]
        + [row.clone() for row in seen.state.newest.values()]
        for seen in views
    ]
    turns(member(name), views)
    for seen, old in zip(views, before, strict=True):
        now = [seen.own, seen.honest, seen.params, seen.read_params, *seen.state.newest.values()]
        assert all(torch.equal(a, b) for a, b in zip(now, old, strict=True))


@pytest.mark.parametrize("name", MEMBERS)
def test_same_views_same_lies(name):
    first, second = turns(member(name), story()), turns(member(name), story())
    assert all(torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", [each for each in MEMBERS if member(each).sees == "own"])
def test_what_is_out_of_sight_may_be_poisoned(name):
    attack = member(name)
    memory, other = attack.init(context()), attack.init(context())
    for seen, again in zip(story(), story(), strict=True):
        blind = vector(attack.forge(replace(seen_by(attack, seen), memory=memory)))
        poisoned = replace(again, honest=torch.full_like(again.honest, torch.nan), memory=other)
        assert torch.equal(vector(attack.forge(poisoned)).nan_to_num(7.0), blind.nan_to_num(7.0))


@pytest.mark.parametrize("name", MEMBERS)
def test_the_stream_is_the_only_source_of_chance(name):
    """The global generators are neither used nor moved."""
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    turns(member(name), story())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("visible", [0, 1, 2])
def test_few_visible_vectors_are_legal(name, visible):
    attack = member(name)
    for seen, sent in zip(
        story(), turns(attack, [replace(s, honest=s.honest[:visible]) for s in story()]), strict=True
    ):
        assert sent.shape == seen.own.shape
        assert name in NOT_FINITE or sent.isfinite().all()


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_vectors_that_are_not_finite_do_no_harm(name, bad):
    views = [replace(seen, own=torch.full_like(seen.own, bad)) for seen in story()]
    assert len(turns(member(name), views)) == 12
    views = [replace(seen, honest=torch.cat([seen.honest, torch.full((1, 6), bad)])) for seen in story()]
    assert len(turns(member(name), views)) == 12


@pytest.mark.parametrize("name", MEMBERS)
def test_the_file_spells_every_parameter_and_its_default(name):
    node = config(name)
    assert node["_target_"] == f"byzsgd.attacks.{name}"
    target = getattr(attacks, name)
    spelt = {key: value for key, value in node.items() if not key.startswith("_")}
    parameters = inspect.signature(target).parameters
    keywords = {key: each for key, each in parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY}
    assert set(spelt) == set(keywords)
    raw = OmegaConf.to_container(OmegaConf.load(CONF / "attack" / f"{name}.yaml"))
    for key, value in raw.items():
        fixed = key in keywords and keywords[key].default is not inspect.Parameter.empty
        if fixed and not (isinstance(value, str) and value.startswith("$")):
            assert value == keywords[key].default, key


def numbers(name: str) -> list[str]:
    """The parameters that may be a number."""
    hints = get_type_hints(getattr(attacks, name))
    spelt = [key for key in config(name) if not key.startswith("_")]
    return [key for key in spelt if {int, float} & {hints[key], *get_args(hints[key])}]


@pytest.mark.parametrize("name", MEMBERS)
def test_no_number_may_be_nan(name):
    target, usual = getattr(attacks, name), member(name)
    for key in numbers(name):
        bad = {key: math.nan}
        with pytest.raises(ValueError, match=rf"{name} needs .*; got .*\b{key}=nan"):
            attacks.lift(replace(usual, **bad) if isinstance(target, type) else partial(target, **bad)).init(context())


@pytest.mark.parametrize("name", MEMBERS)
def test_it_says_what_it_is(name):
    attack = member(name)
    assert attack.sees in SEES
    lines = (getattr(attacks, name).__doc__ or "").strip().splitlines()
    assert len(lines[0]) > 15
    assert lines[0].endswith((".", ":")) or "(d,)" in lines[0]


@pytest.mark.parametrize("name", MEMBERS)
def test_without_liars_it_can_still_be_set_up(name):
    member(name, num_byzantine=0).init(context(MeanServer(), num_byzantine=0))


def moved(seen: View, device: str) -> View:
    newest = {worker: row.to(device) for worker, row in seen.state.newest.items()}
    return replace(
        seen,
        own=seen.own.to(device),
        honest=seen.honest.to(device),
        params=seen.params.to(device),
        read_params=seen.read_params.to(device),
        state=type(seen.state)(newest),
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", MEMBERS)
def test_the_same_lies_on_a_gpu(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    usual = turns(member(name), story(torch.float64))
    there = turns(member(name), [moved(seen, "cuda") for seen in story(torch.float64)])
    for here, other in zip(usual, there, strict=True):
        assert other.device.type == "cuda"
        torch.testing.assert_close(other.cpu(), here, equal_nan=True, rtol=1e-6, atol=1e-6)
