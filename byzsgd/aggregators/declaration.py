"""How a plain function becomes a rule: what it says of itself, the checks before it, and its lifting.

`rule`, `weighted_rule` and `preaggregator` decorate pure functions of a (k, d) tensor. The decorated function also
takes lists of vectors and NumPy arrays, refuses what its condition excludes, and drops non-finite rows: they count
towards f, and the rest is judged as k rows with f lowered.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Concatenate, Literal, ParamSpec, Protocol, SupportsIndex, TypeGuard, cast, overload

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.feeds import Feed, State
from byzsgd.aggregators.laws import Law
from byzsgd.aggregators.magnitudes import Use, apply_in_range, sizes_of, unremarkable
from byzsgd.aggregators.rows import NonFiniteRows as NonFiniteRows
from byzsgd.aggregators.rows import Rows, Undeclared, all_finite, finite_mask, read_rows, read_weights
from byzsgd.checks import Condition as Condition
from byzsgd.checks import demand, require
from byzsgd.interfaces import ServerContext, StatefulRule
from byzsgd.signatures import REQUIRED, keyword_only, name_of, unwrapped

P = ParamSpec("P")

Kind = Literal["rule", "weighted rule", "pre-aggregator"]


MORE_THAN_F = Condition("k >= f+1", lambda k, f: k >= f + 1)
MORE_THAN_2F = Condition("k >= 2f+1", lambda k, f: k >= 2 * f + 1)
MAJORITY = replace(MORE_THAN_2F, computable=MORE_THAN_F)  # where only theory asks for it


@dataclass(frozen=True)
class Bound:
    """An upper bound of κ: ‖F − x̄_H‖² ≤ κ · (1/|H|) Σ_H ‖x_i − x̄_H‖² for every H of n − f rows."""

    text: str
    formula: Callable[[int, int], float]

    def __call__(self, n: int, f: int) -> float:
        return self.formula(n, f) if n > 2 * f else float("inf")

    def __bool__(self) -> bool:
        return bool(self.text)


NO_BOUND = Bound("", lambda n, f: float("inf"))  # none that we know of


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a rule or pre-aggregator says of itself."""

    name: str
    kind: Kind = "rule"
    conditions: tuple[Condition, ...] = ()
    kappa: Bound = NO_BOUND
    laws: frozenset[Law] = frozenset()
    feed: Feed = Feed()
    sizes: Use = "squared"  # what it does with the size of a row
    lengths: tuple[str, ...] = ()  # parameters in the unit of the rows
    tolerated: str = ""  # the parameter that says which share of the weight may be of any size; "": less than half
    lets_non_finite_through: bool = False
    of_vectors: Callable[[Sequence[Tensor]], Tensor] | None = None  # the same of vectors that were never stacked
    rows_out: Callable[..., int] | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def condition(self) -> str:
        """The conditions on k, f and the rest, in symbols; empty: none."""
        return ", ".join(condition.text for condition in self.conditions)

    @property
    def takes_f(self) -> bool:
        return "f" in self.parameters

    def demand(self, rows: int, values: Mapping[str, object]) -> None:
        """Raises ValueError unless every condition holds for k = `rows`."""
        demand(self.name, self.conditions, {**self.parameters, **values, "k": rows})


class Declared(Protocol[P]):
    """A decorated function: answers in the kind of its rows."""

    declaration: Declaration
    __wrapped__: Callable[..., Tensor]  # the bare function of finite rows

    @overload
    def __call__(self, vectors: Tensor | Sequence[Tensor], /, *args: P.args, **values: P.kwargs) -> Tensor: ...
    @overload
    def __call__(self, vectors: Arrays, /, *args: P.args, **values: P.kwargs) -> np.ndarray: ...


class DeclaredWeighted(Protocol[P]):
    """The same of a function of rows and weights."""

    declaration: Declaration
    __wrapped__: Callable[..., Tensor]

    @overload
    def __call__(
        self, vectors: Tensor | Sequence[Tensor], weights: Weights, /, *args: P.args, **values: P.kwargs
    ) -> Tensor: ...
    @overload
    def __call__(self, vectors: Arrays, weights: Weights, /, *args: P.args, **values: P.kwargs) -> np.ndarray: ...


Arrays = np.ndarray | Sequence[np.ndarray]
Weights = Tensor | np.ndarray | Sequence[float]
Function = Callable[Concatenate[Tensor, P], Tensor]
WeightedFunction = Callable[Concatenate[Tensor, Tensor, P], Tensor]


def rule(
    *conditions: Condition,
    laws: tuple[Law, ...] = (),
    kappa: Bound = NO_BOUND,
    feed: Feed | None = None,
    sizes: Use = "squared",
    lengths: tuple[str, ...] = (),
    lets_non_finite_through: bool = False,
    of_vectors: Callable[[Sequence[Tensor]], Tensor] | None = None,
) -> Callable[[Function[P]], Declared[P]]:
    """Declares a pure function (k, d) -> (d,)."""

    def declare(function: Function[P]) -> Declared[P]:
        declaration = Declaration(
            name=function.__name__,
            conditions=_conditions(function, conditions),
            kappa=kappa,
            laws=frozenset(laws),
            feed=feed or Feed(),
            sizes=sizes,
            lengths=lengths,
            lets_non_finite_through=lets_non_finite_through,
            of_vectors=of_vectors,
            parameters=keyword_only(function),
        )
        return cast(Declared[P], _wrap(function, declaration))

    return declare


def weighted_rule(
    *conditions: Condition,
    laws: tuple[Law, ...] = (),
    sizes: Use = "squared",
    lengths: tuple[str, ...] = (),
    tolerated: str = "",
) -> Callable[[WeightedFunction[P]], DeclaredWeighted[P]]:
    """Declares a pure function (k, d), (k,) -> (d,)."""

    def declare(function: WeightedFunction[P]) -> DeclaredWeighted[P]:
        declaration = Declaration(
            name=function.__name__,
            kind="weighted rule",
            conditions=_conditions(function, conditions),
            laws=frozenset(laws),
            sizes=sizes,
            lengths=lengths,
            tolerated=tolerated,
            parameters=keyword_only(function),
        )
        return cast(DeclaredWeighted[P], _wrap(function, declaration))

    return declare


def preaggregator(
    *conditions: Condition,
    laws: tuple[Law, ...] = (),
    feed: Feed | None = None,
    lengths: tuple[str, ...] = (),
    rows_out: Callable[..., int] | None = None,
) -> Callable[[Function[P]], Declared[P]]:
    """Declares a pure function (k, d) -> (k', d); `rows_out(k, …)` tells k' where it is not k."""

    def declare(function: Function[P]) -> Declared[P]:
        declaration = Declaration(
            name=function.__name__,
            kind="pre-aggregator",
            conditions=_conditions(function, conditions),
            laws=frozenset(laws),
            feed=feed or Feed(),
            sizes="added",
            lengths=lengths,
            rows_out=rows_out or (lambda k: int(k)),
            parameters=keyword_only(function),
        )
        return cast(Declared[P], _wrap(function, declaration))

    return declare


def _is_count(f: object) -> TypeGuard[SupportsIndex]:
    try:
        return isinstance(f, SupportsIndex) and operator.index(f) >= 0
    except TypeError:
        return False


def _conditions(function: Callable[..., object], conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if "f" not in keyword_only(function):
        return conditions
    return (Condition("an integer f >= 0", _is_count), *conditions)


def _wrap(function: Callable[..., Tensor], declaration: Declaration) -> object:
    weighted = declaration.kind == "weighted rule"
    names = declaration.parameters.keys()
    required = {name for name, default in declaration.parameters.items() if default is REQUIRED}

    @functools.wraps(function)
    def call(vectors: Rows, /, *weights: object, **values: object) -> object:
        rows, arrays = read_rows(declaration.name, vectors)
        arguments: tuple[Tensor, ...] = ()
        if weighted and len(weights) == 1:
            arguments = (read_weights(declaration.name, weights[0], rows),)
        if len(weights) != weighted or not required <= values.keys() <= names:
            _bind(function, declaration.name, (rows, *weights), values)
        plain = declaration.lets_non_finite_through or unremarkable(declaration.sizes, rows)
        if not plain:
            sizes = sizes_of(rows)
            if not math.isfinite(sizes.max()):
                keep = np.isfinite(sizes)
                rows, arguments, values = _without_non_finite(
                    declaration, rows, arguments, values, torch.from_numpy(keep)
                )
                sizes = sizes[keep]
        if declaration.conditions:
            declaration.demand(rows.shape[0], values)
        if plain:
            answer = function(rows, *arguments, **values)
        else:
            answer = apply_in_range(declaration, function, rows, sizes, arguments, values)
        return answer.numpy() if arrays else answer

    call.declaration = declaration  # type: ignore[attr-defined]
    return call


def _without_non_finite(
    declaration: Declaration, rows: Tensor, arguments: tuple[Tensor, ...], values: dict[str, object], keep: Tensor
) -> tuple[Tensor, tuple[Tensor, ...], dict[str, object]]:
    """The rows to keep, their weights, and the parameters with f lowered by the number of rows dropped."""
    k, finite = rows.shape[0], int(keep.sum())
    non_finite = k - finite
    who, f = declaration.name, values.get("f")
    if declaration.takes_f and _is_count(f):
        bearable = operator.index(f) - non_finite
        _demand_finite(bearable >= 0 and finite > 0, who, "at most f non-finite rows", k, non_finite, f=f)
        values = {**values, "f": bearable}
    _demand_finite(finite > 0, who, "a finite row", k, non_finite)
    values = declaration.feed.without(keep, values)
    at = keep.to(rows.device)
    return rows[at], tuple(argument[at] for argument in arguments), values


def _demand_finite(condition: bool, who: str, needs: str, k: int, non_finite: int, **values: object) -> None:
    try:
        require(condition, who, needs, k=k, **values, non_finite=non_finite)
    except ValueError as error:
        raise NonFiniteRows(str(error)) from None


# ------------------------------------------------------------------------------------------------------------ lifting


@dataclass(frozen=True, kw_only=True)
class Lifted:
    """A plain function with its hyper-parameters, in the form that servers use.

    A pre-aggregator hands dropped non-finite rows on, at the end: the part behind it must count them towards its own f.
    """

    function: Callable[..., Tensor]
    values: Mapping[str, object]
    declaration: Declaration

    def __reduce__(self) -> tuple[object, ...]:
        return lift, (self.function,)  # a declaration holds predicates, which are found again by the function's name

    @functools.cached_property
    def weighted(self) -> bool:
        return self.declaration.kind == "weighted rule"

    @functools.cached_property
    def bare(self) -> Callable[..., Tensor] | None:
        """The undecorated function, where nothing that decoration checks can be wrong: a rule of any rows without
        conditions. Plain asynchronous SGD calls one at every arrival."""
        rule = self.declaration
        plain = rule.kind == "rule" and rule.feed == Feed() and rule.lets_non_finite_through and not rule.conditions
        return getattr(self.function, "__wrapped__", None) if plain and not rule.parameters else None

    @functools.cached_property
    def of_vectors(self) -> Callable[[Sequence[Tensor]], Tensor] | None:
        """The same of vectors that were never stacked."""
        return None if self.bare is None else self.declaration.of_vectors

    def check(self, rows: int) -> int:
        self.declaration.demand(rows + self.declaration.feed.rows_in_front, self.values)
        if self.declaration.kind != "pre-aggregator":
            return 1 if self.declaration.parameters or self.declaration.conditions else rows
        count = cast(Callable[..., int], self.declaration.rows_out)
        scope = {**self.declaration.parameters, **self.values, "k": rows}
        return count(*(scope[name] for name in inspect.signature(count).parameters))

    def init(self, context: ServerContext) -> State:
        return self.declaration.feed.begin(self.declaration.name, context, self.values)

    def aggregate(self, state: State, vectors: Tensor, weights: Tensor | None, step: int) -> tuple[Tensor, State]:
        if self.bare is not None:
            return self.bare(vectors), state
        rows, extra = self.declaration.feed.give(self.declaration.name, state, vectors, step)
        if self.weighted:
            require(weights is not None, self.declaration.name, "weights", weights=None)
            return self.function(rows, weights, **extra), state
        answer = self.function(rows, **extra)
        if self.declaration.kind == "pre-aggregator" and not all_finite(vectors):
            answer = torch.cat((answer, vectors[~finite_mask(vectors)]))
        return answer, self.declaration.feed.keep(state, answer)


def lift(part: object) -> StatefulRule:
    """The `StatefulRule` that a decorated function, a functools.partial of one, or any plain callable stands for.

    An object that has `aggregate` is returned as it is. A wrong or missing parameter is refused here (TypeError), an
    impossible value by `check(rows)`. A plain callable without declaration has no condition.
    """
    if hasattr(part, "aggregate"):
        return cast(StatefulRule, part)
    require(callable(part), "a rule or preaggregator", "a member of its group (byzsgd list rule)", node=part)
    function, positional, values = unwrapped(part)
    declaration = getattr(function, "declaration", None)
    bound = functools.partial(function, *positional, **values) if positional or values else function
    if declaration is None:
        name = name_of(function)
        return Lifted(function=Undeclared(bound, name), values=values, declaration=Declaration(name=name))
    data = (None,) * (2 if declaration.kind == "weighted rule" else 1)
    placeholders = {name: None for name in declaration.feed.gives if name not in values}
    _bind(function, declaration.name, (*data, *positional), {**values, **placeholders})
    declaration.feed.accept(declaration.name, {**declaration.parameters, **values})
    return Lifted(function=bound, values=values, declaration=declaration)


def _bind(function: Callable[..., object], who: str, data: tuple[object, ...], values: Mapping[str, object]) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(*data, **values)
    except TypeError as error:
        parameters = ", ".join(str(each.replace(annotation=REQUIRED)) for each in signature.parameters.values())
        raise TypeError(f"{who}: {error}; it takes ({parameters})") from None
