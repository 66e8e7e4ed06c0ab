"""Lifting: what becomes an Attack, and what is refused."""

import functools
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from attack_world import context, member, view

from byzsgd import attacks, experiment
from byzsgd.attacks import forging, lift
from byzsgd.attacks.declaration import Condition
from byzsgd.interfaces import Attack
from byzsgd.kernel.adversary import Adversary, Liars


def test_an_attack_object_is_returned_as_it_is():
    attack = attacks.label_flip()
    assert lift(attack) is attack


def test_a_function_and_its_partial_are_lifted():
    seen = view([1.0, 2.0])
    assert lift(attacks.reversed).forge(seen).tolist() == [-10.0, -20.0]
    assert lift(functools.partial(attacks.reversed, scale=3)).forge(seen).tolist() == [-3.0, -6.0]


def test_a_partial_of_a_partial_is_lifted_with_the_later_value():
    inner = functools.partial(attacks.reversed, scale=3)
    assert lift(functools.partial(inner, scale=4)).forge(view([1.0])).tolist() == [-4.0]


def test_a_subclass_of_partial_is_called_no_more():
    class Slow(functools.partial):
        def __call__(self, *args, **keywords):
            raise AssertionError("called through the subclass")

    assert lift(Slow(attacks.reversed, scale=3)).forge(view([1.0])).tolist() == [-3.0]
    within = functools.partial(Slow(attacks.gaussian, mean=3.0, std=1.0), std=0.0)
    assert lift(within).forge(view([1.0])).tolist() == [3.0]


def test_what_it_sees_is_what_it_declared():
    @forging(sees="in_flight")
    def everything(view):
        return view.honest.sum(dim=0)

    assert lift(everything).sees == "in_flight"
    assert lift(attacks.ipm).sees == "delivered"
    assert lift(attacks.sign_flip).sees == "own"
    with pytest.raises(ValueError, match="forging needs sees among own, delivered, in_flight; got sees=all"):
        forging(sees="all")


def test_the_harmless_parts_stay_harmless():
    attack = lift(attacks.reversed)
    assert isinstance(attack, Attack)
    assert not attack.timed
    assert attack.duration(view(), 2.5) == 2.5
    assert attack.release(view())
    batch = object()
    assert attack.poison(batch) is batch


def test_unknown_parameters_are_refused_when_lifting():
    with pytest.raises(ValueError, match="reversed needs parameters among: scale; got unknown=scal"):
        lift(functools.partial(attacks.reversed, scal=3))
    with pytest.raises(ValueError, match="none needs parameters among: none at all; got unknown=scale"):
        lift(functools.partial(attacks.none, scale=3))


def test_missing_parameters_are_refused_when_lifting():
    @forging(sees="own")
    def demanding(view, *, much, little=1):
        return view.own

    with pytest.raises(
        ValueError, match="demanding needs a value of every parameter without a default; got missing=much"
    ):
        lift(demanding)
    assert lift(functools.partial(demanding, much=3)).forge(view([1.0])).tolist() == [1.0]


def test_a_function_without_a_declaration_is_refused():
    with pytest.raises(ValueError, match="silent needs a declaration of what it sees"):

        def silent(view):
            return view.own

        lift(silent)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("reversed", ["attack.scale=inf"], "reversed needs a finite scale; got scale=inf"),
        ("gaussian", ["attack.std=-1"], "gaussian needs 0 <= std < inf; got std=-1"),
        ("gaussian", ["attack.mean=nan"], "gaussian needs a finite mean; got mean=nan"),
        ("ipm", ["attack.epsilon=nan"], "ipm needs a finite epsilon; got epsilon=nan"),
        ("lie", ["attack.z=maximal"], "lie needs z a finite number or 'formula'; got z=maximal"),
        ("lie", ["attack.sign=0"], "lie needs sign -1 or 1; got sign=0"),
        ("lie", ["attack.rows=7"], "lie needs rows and lying_rows given together; got rows=7"),
    ],
)
def test_impossible_values_are_refused_when_lifting(name, overrides, message):
    with pytest.raises(ValueError, match=message):
        member(name, *overrides)


def test_a_condition_is_asked_as_soon_as_all_that_it_names_is_there():
    @forging(
        Condition("scale > 0", lambda scale: scale > 0),
        Condition("scale < n-m", lambda scale, n, m: scale < n - m),
        sees="own",
    )
    def scaled(view, *, scale=1.0):
        return scale * view.own

    with pytest.raises(ValueError, match="scaled needs scale > 0; got scale=-1"):
        lift(functools.partial(scaled, scale=-1))
    attack = lift(functools.partial(scaled, scale=7))
    with pytest.raises(ValueError, match="scaled needs scale < n-m; got scale=7, n=10, m=3"):
        attack.init(context())
    assert attack.init(context(num_workers=11)) is None
    assert attack.init(context(num_workers=7, num_byzantine=0)) is None


def test_lifting_leaves_the_function_as_it_is():
    before = dict(attacks.ipm.__dict__)
    lift(functools.partial(attacks.ipm, epsilon=2.0))
    assert attacks.ipm.__dict__ == before
    assert torch.equal(attacks.ipm(view([0.0], [[1.0], [3.0]])), torch.tensor([-0.2]))


def test_the_attack_of_an_experiment_is_always_lifted():
    before = experiment("byzantine_ids=[5,1,3]")
    assert before.byzantine_ids == (1, 3, 5)
    after = replace(before, attack=attacks.lie)
    assert isinstance(after.attack, Attack)
    assert after.attack.sees == "delivered"
    assert after.byzantine_ids == before.byzantine_ids
    with pytest.raises(FrozenInstanceError):
        after.attack = attacks.lie
    with pytest.raises(ValueError, match="needs knowledge=delivered or more; got knowledge=own"):
        replace(before, attack=attacks.lie, knowledge="own")


@pytest.mark.parametrize(("attack", "derived"), [
    (attacks.replay(source="own"), ("own", False, 0)),
    (attacks.backdoor(z=1.0), ("delivered", False, 0)),
    (attacks.collusion(payload=attacks.replay()), ("delivered", True, 0)),
    (attacks.frequency_squat(payload=attacks.zero), ("own", True, 0)),
    (attacks.staleness_lie(payload=attacks.lie, staleness=4), ("delivered", False, 4)),
    (attacks.phase(payload=attacks.crash(), until=5), ("own", True, 0)),
])  # fmt: skip
def test_what_is_derived_follows_the_parameters_and_is_no_parameter(attack, derived):
    assert (attack.sees, attack.timed, attack.claims) == derived
    for same in (replace(attack), pickle.loads(pickle.dumps(attack))):
        assert same == attack
        assert repr(same) == repr(attack)
        assert (same.sees, same.timed, same.claims) == derived
    assert "sees" not in repr(attack)


def test_no_attack_is_the_null_object():
    """Views cost more than a small gradient: where nobody forges, none is made."""
    kernel = experiment("attack=none", "num_workers=5", "num_byzantine=2", "f=1").prepare().kernel
    assert type(kernel.adversary) is Adversary
    assert type(experiment("attack=reversed").prepare().kernel.adversary) is Liars
