"""The catalogue of all members of all groups. A member is described by its YAML and docstring; it is not imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from byzsgd.config.locations import CONF

# Names of our members in other code bases of the field. Messages suggest the member; the name itself is refused.
ALIASES = {
    "mean": ("average", "avg", "fedavg"),
    "median": ("cwmed", "cm", "coordinatewisemedian", "fedmedian", "coordinate_median"),
    "trimmed_mean": ("trmean", "cwtm", "tm", "trimmedmean", "fedtrimmedavg"),
    "geometric_median": ("geomed", "gm"),
    "multi_krum": ("multikrum", "mkrum"),
    "centered_clipping": ("cc", "cclip", "centeredclipping"),
    "mda": ("brute", "minimum_diameter_averaging"),
    "meamed": ("meanofmedians", "mean_of_medians"),
    "sign_majority": ("signsgd", "signmv", "signsgd_mv"),
    "flag": ("flag_aggregator", "fa"),
    "sign_flip": ("sf", "signflip", "signflipping"),
    "label_flip": ("lf", "labelflip", "labelflipping"),
    "lie": ("alie", "alittleisenough", "little"),
    "ipm": ("empire", "xie", "innerproductmanipulation"),
    "reversed": ("ng", "negative_gradient", "bitflip"),
    "optimal_lie": ("optimal_alie", "optimalalie"),
    "optimal_ipm": ("optimalipm",),
    "min_max": ("minmax",),
    "min_sum": ("minsum",),
    "fang_krum": ("fang", "lmp"),
    "not_a_number": ("nan",),
    "infinity": ("inf",),
    "none": ("noattack", "no_attack", "averaging", "null"),
    "asgd": ("async_sgd", "sgd"),
    "zeno_pp": ("zeno", "zeno++", "zenopp"),
    "staleness_aware": ("sasgd", "staleness_aware_sgd"),
    "dirichlet": ("dirichlet_niid",),
    "gamma_similarity": ("gamma_similarity_niid",),
    "extreme": ("extreme_niid",),
    "shards": ("pathological",),
    "bucketing": ("s_resampling",),
    "nnm": ("nearest_neighbor_mixing", "mixing"),
}


_ROUNDS = "Synchronous rounds of one vector per worker"
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Member:
    """One choice within a group."""

    group: str
    name: str
    description: str
    reference: str
    details: tuple[str, ...] = ()  # facts in lines of their own in the docstring: condition, bound, cost
    trusted: bool = False  # whether it needs the server's trusted data


def groups(own: Path | None = None) -> list[str]:
    """Every configuration group, as its path below conf/. `own`, here and below: a configuration tree of the user,
    beside ours."""
    paths = {file.parent.relative_to(root) for root in _roots(own) for file in root.rglob("*.yaml")} - {Path()}
    return sorted(str(path) for path in paths if not {"hydra", "protocol", "study"} & set(path.parts))


def find_groups(name: str, own: Path | None = None) -> list[str]:
    """The groups with a name: a whole path, or its last part (`rule` for aggregator/rule)."""
    paths = groups(own)
    return [name] if name in paths else [group for group in paths if group.split("/")[-1] == name]


def files(group: str, own: Path | None = None) -> list[Path]:
    """The files of a group's members, by name. A file of the user replaces ours of the same name."""
    by_name = {file.stem: file for root in reversed(_roots(own)) for file in (root / group).glob("*.yaml")}
    return [by_name[name] for name in sorted(by_name)]


def members(group: str, own: Path | None = None) -> list[Member]:
    """The members of a group, by name."""
    return [_member(group, file) for file in files(group, own)]


def _roots(own: Path | None) -> tuple[Path, ...]:
    return (CONF,) if own is None else (own, CONF)


def canonical(word: str, members: Iterable[str]) -> str:
    """The member, among `members`, that the field also calls `word`; empty: none."""
    squeezed = word.lower().replace("-", "_")
    for name in members:
        names = (name, *ALIASES.get(name, ()))
        if squeezed in names or squeezed.replace("_", "") in [alias.replace("_", "") for alias in names]:
            return name
    return ""


def _member(group: str, file: Path) -> Member:
    text = file.read_text(encoding="utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            comment.append(line.lstrip("# ").rstrip())
    node = yaml.safe_load(text)
    nodes = definitions(group, node)
    documented = [part for part in ("\n".join(comment), *(ast.get_docstring(node) or "" for node in nodes)) if part]
    description = documented[0].strip().splitlines()[0] if documented else ""
    if description.startswith(_ROUNDS) and len(nodes) > 1:  # that line is the same for every rule
        description = f"Rounds: {(ast.get_docstring(nodes[-1]) or '').splitlines()[0]}"
    reference = next(filter(None, map(_reference, documented)), "")
    details = next(filter(None, map(_conditions, nodes)), ())
    return Member(
        group, file.stem, description, reference, details, group.startswith("aggregator") and _trusts(documented, node)
    )


def definitions(group: str, node: object) -> list[Definition]:
    """The functions and classes behind the YAML of a member, outermost first; for a server, its rule last."""
    return [definition for target in _targets(group, node) if (definition := _definition(target)) is not None]


def _targets(group: str, node: object) -> list[str]:
    """The names of the objects in a member's file, outermost first; for a server, its rule last."""
    if not isinstance(node, dict):
        return []
    targets = [str(node["_target_"])] if "_target_" in node else []
    if not targets:  # files of filters and pre-aggregators have their name as the outermost key
        targets = [name for value in node.values() for name in _targets(group, value)]
    for default in node.get("defaults", ()):
        if isinstance(default, dict) and isinstance(rule := default.get("rule"), str):
            targets.append(f"byzsgd.aggregators.rules.{rule}")
    return targets


def _trusts(documented: Sequence[str], node: object) -> bool:
    """Whether a member, or a filter that it chooses, needs trusted data."""
    defaults = node.get("defaults", ()) if isinstance(node, dict) else ()
    chosen = [name for each in defaults if isinstance(each, dict) for name in each.get("filters") or ()]
    filters = [_definition(f"byzsgd.aggregators.filters.{name}") for name in chosen]
    texts = [*documented, *(ast.get_docstring(part) or "" for part in filters if part is not None)]
    return any(re.search(r"\btrusted (data|gradient|examples)", text) for text in texts)


_FACT = re.compile(r"(Condition|Breakdown|Bound|Cost|Differs):")


def _reference(text: str) -> str:
    """The reference: the first paragraph with a year, behind the description and the facts in lines of their own."""
    _, _, rest = text.strip().partition("\n")
    for block in rest.split("\n\n"):
        lines = [line.strip() for line in block.splitlines()]
        facts = [number for number, line in enumerate(lines) if _FACT.match(line)]
        lines = lines[facts[-1] + 1 :] if facts else lines
        if re.search(r"\b(19|20)\d\d\b", " ".join(lines)):
            return " ".join(lines)
    return ""


def _conditions(node: Definition) -> tuple[str, ...]:
    """The facts in lines of their own in a docstring: condition, breakdown point, κ bound."""
    lines = (line.strip() for line in (ast.get_docstring(node) or "").splitlines())
    return tuple(line for line in lines if _FACT.match(line) and not line.startswith("Differs"))


def _definition(target: str) -> Definition | None:
    """The source of a member's function or class; re-exports are followed."""
    module, _, name = target.rpartition(".")
    file = _source(module)
    if file is None:
        return None
    for node in _parsed(file).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            origin = f"{module}.{node.module}" if node.level else node.module
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _definition(f"{origin}.{alias.name}")
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    return None


def _source(module: str) -> Path | None:
    root = Path(__file__).resolve().parents[1]
    parts = module.split(".")
    if parts[0] != "byzsgd":
        return None
    path = root.joinpath(*parts[1:])
    candidates: Sequence[Path] = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
