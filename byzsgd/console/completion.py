"""Completion by TAB. It has to be quick, so it reads YAML files and imports neither Hydra nor torch."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

SHELLS = {
    "bash": r"""
_byzsgd() {
    local line="${COMP_LINE:0:$COMP_POINT}" IFS=$'\n'
    local word="${line##* }"
    COMPREPLY=($(byzsgd completion bash --line "$line" 2>/dev/null))
    # bash replaces only the text behind its last word break
    local i before="${word%"${word##*[=:]}"}"
    [[ "$COMP_WORDBREAKS" == *=* ]] && for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]="${COMPREPLY[i]#"$before"}"; done
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=/.] ]] && compopt -o nospace
}
complete -F _byzsgd byzsgd
""",
    "zsh": r"""
_byzsgd() {
    local -a found ended
    found=(${(f)"$(byzsgd completion zsh --line "${LBUFFER}" 2>/dev/null)"})
    ended=(${found:#*[=/.]})
    compadd -U -a ended
    compadd -U -S '' -- ${(M)found:#*[=/.]}
}
compdef _byzsgd byzsgd
""",
    "fish": r"""
complete -c byzsgd -f -a '(byzsgd completion fish --line (commandline -cp) 2>/dev/null)'
""",
}


def completion(parsed: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Prints the script for a shell; with --line, the words that may end that line."""
    if parsed.line is None:
        print(SHELLS[parsed.shell].strip())
        return 0
    for word in candidates(parsed.line, parser):
        print(word)
    return 0


def candidates(line: str, parser: argparse.ArgumentParser) -> list[str]:
    """The words that may stand at the end of a line, each of them complete."""
    *before, word = line.split(" ")
    words = [each for each in before if each][1:]  # without the program
    commands = commands_of(parser)
    if not words:
        return _fitting(word, [*commands, *_options(parser)])
    command = commands.get(words[0])
    if words[0] == "train":
        return list(_of_train(word, words[1:]))
    if command is None:
        return []
    if word.startswith("-"):
        return _fitting(word, _options(command))
    option = _option(command, words[-1])
    if option is not None and option.choices:
        return _fitting(word, map(str, option.choices))
    if words[0] in ("list", "show"):
        return _fitting(word, _groups_and_members(words[0]))
    positional = [each for each in command._actions if not each.option_strings and each.choices]
    if positional:
        return _fitting(word, map(str, positional[0].choices or ()))
    return _folders(word)


def _of_train(word: str, before: Sequence[str]) -> Iterator[str]:
    from byzsgd.config import catalogue
    from byzsgd.config.settings import settings

    if word.startswith("-"):
        yield from _fitting(word, ("-m", "--multirun", "--cfg", "--config-dir", "--help", "--hydra-help", "--info"))
        return
    key, equals, value = word.partition("=")
    if not equals:
        keys = [*catalogue.groups(), *settings(before), "hydra.run.dir", "hydra.sweep.dir", "hydra/launcher"]
        yield from _steps(key, keys)
        return
    values, _, last = value.rpartition(",")
    start = f"{key}={values}," if values else f"{key}="
    if key in catalogue.groups():
        names: Iterable[str] = (member.stem for member in catalogue.files(key))
    else:
        names = ("true", "false") if isinstance(settings(before).get(key), bool) else ()
    yield from (f"{start}{name}" for name in _fitting(last, names))


def _steps(start: str, keys: Iterable[str]) -> list[str]:
    """Keys that begin with `start`, up to their next dot: one TAB offers one level of the settings."""
    steps = set()
    for key in keys:
        if key.startswith(start):
            rest, dot, _ = key[len(start) :].partition(".")
            steps.add(f"{start}{rest}{dot or '='}")
    return sorted(steps)


def _groups_and_members(command: str) -> list[str]:
    from byzsgd.config import catalogue

    groups = catalogue.groups()
    return groups if command == "list" else sorted({file.stem for group in groups for file in catalogue.files(group)})


def _fitting(word: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(word)})


def _folders(word: str) -> list[str]:
    folder, slash, name = word.rpartition("/")
    try:
        names = [each.name for each in Path(folder + slash or ".").iterdir() if each.is_dir()]
    except OSError:
        return []
    return [f"{folder}{slash}{each}/" for each in _fitting(name, names) if name or not each.startswith(".")]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in parser._actions for name in action.option_strings if name.startswith("--")]


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return next((action for action in parser._actions if word in action.option_strings), None)
