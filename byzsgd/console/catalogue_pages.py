"""`byzsgd list` and `byzsgd show`: all members, described by their YAML and docstrings. No member is imported."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from byzsgd.checks import require
from byzsgd.config import ConfigError, catalogue, suggestion
from byzsgd.config.catalogue import Definition, Member
from byzsgd.console.output import console

_ARXIV = re.compile(r"arXiv[: ]\s*(\d{4}\.\d{4,5}|[a-z-]+/\d{7})")


def list_members(group: str | None, search: str | None, own: Path | None = None) -> int:
    """Prints the members of a group, or of all groups. `search`: only those whose description contains this word.
    `own`: a configuration tree of the user."""
    require(own is None or own.is_dir(), "--config-dir", "a folder", config_dir=own)
    groups = catalogue.find_groups(group, own) if group else catalogue.groups(own)
    if not groups:
        names = {part for each in catalogue.groups(own) for part in (each, each.split("/")[-1])}
        raise ConfigError(f"no group '{group}'{suggestion(str(group), names)}")
    pages = {each: [entry for entry in catalogue.members(each, own) if _matches(entry, search)] for each in groups}
    require(any(pages.values()), "--search", "a word that the page of some member has", search=search)
    for each, entries in pages.items():
        if entries:
            _page(each, entries, details=bool(group or search))
    return 0


def show_member(name: str) -> int:
    """Prints everything about a member: docstring, parameters, YAML, paper."""
    group, _, word = name.replace("=", "/").rpartition("/")
    groups = catalogue.find_groups(group) if group else catalogue.groups()
    matches = [(each, file) for each in groups for file in catalogue.files(each) if file.stem == word]
    if not matches:
        names = [file.stem for each in groups for file in catalogue.files(each)]
        meant = catalogue.canonical(word, names)
        raise ConfigError(f"no member '{name}'" + (f"; did you mean {meant}?" if meant else suggestion(word, names)))
    for each, file in matches:
        _all_about(each, file)
    return 0


def _matches(entry: Member, word: str | None) -> bool:
    text = " ".join((entry.name, entry.description, entry.reference, *entry.details))
    return word is None or word.lower() in text.lower()


def _page(group: str, entries: Sequence[Member], details: bool) -> None:
    print(group)
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        text = f"{_timing(entry)}{entry.description}{' [trusted data]' * entry.trusted}"
        _print(f"  {entry.name:<{width}}  {text}", hang=width + 4)
        for line in (*entry.details, entry.reference) if details else ():
            if line:
                _print(f"  {'':<{width}}    {line.strip()}", hang=width + 8)
    print()


def _timing(entry: Member) -> str:
    """The prefix `Rounds: ` for a server that waits for all workers; empty: any other member."""
    if entry.group != "aggregator" or entry.description.startswith("Rounds"):
        return ""
    files = [each for each in catalogue.files("aggregator") if each.stem == entry.name]  # none: one of the user's
    return "Rounds: " if files and "collector: round" in files[0].read_text(encoding="utf-8") else ""


def _print(line: str, hang: int) -> None:
    """Prints a line, wrapped to the width of the screen; a pipe gets it in one line."""
    print(textwrap.fill(line, max(console().width, hang + 20), subsequent_indent=" " * hang, break_on_hyphens=False))


def _all_about(group: str, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    (entry,) = (each for each in catalogue.members(group) if each.name == file.stem)
    print(f"{group}={file.stem}\n")
    print(f"{entry.description}\n")
    reference = entry.reference
    for definition in catalogue.definitions(group, yaml.safe_load(text)):
        print(f"{definition.name}\n{textwrap.indent(inspect.cleandoc(ast.get_docstring(definition) or ''), '  ')}\n")
        parameters = list(_parameters(definition))
        for parameter in parameters:
            print(f"    {parameter}")
        print("\n" * bool(parameters), end="")
    print(f"conf/{group}/{file.name}\n{textwrap.indent(text.rstrip(), '  ')}\n")
    if reference:
        print(_bibtex(file.stem, reference))


def _parameters(definition: Definition) -> Iterator[str]:
    """The hyper-parameters with types and defaults, from the signature of a function or the fields of a class."""
    if isinstance(definition, ast.FunctionDef):
        pairs = zip(definition.args.kwonlyargs, definition.args.kw_defaults, strict=True)
        parts = [(argument.arg, argument.annotation, default) for argument, default in pairs]
    else:
        nodes = [node for node in definition.body if isinstance(node, ast.AnnAssign)]
        parts = [(ast.unparse(node.target), node.annotation, node.value) for node in nodes]
    for name, kind, default in parts:
        yield name + (f": {ast.unparse(kind)}" if kind else "") + (f" = {ast.unparse(default)}" if default else "")


def _bibtex(name: str, reference: str) -> str:
    """The reference as a BibTeX entry: authors, title, year, arXiv number."""
    authors, _, rest = reference.strip().partition(": ")
    title = re.split(r"[,.(] ?(?=[A-Z(][A-Za-z&]*[ ,]|\d{4})|\(", rest, maxsplit=1)[0].strip(" ,.")
    year = re.search(r"\b(19|20)\d\d\b", rest)
    arxiv = _ARXIV.search(rest)
    fields = {"author": " and ".join(re.split(r", | and ", authors)), "title": title, "year": year and year[0]}
    fields |= {"eprint": arxiv[1], "archivePrefix": "arXiv"} if arxiv else {}
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@misc{{{name},", *lines, f"  note = {{{rest.strip()}}},", "}"])
