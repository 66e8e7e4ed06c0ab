"""`byzsgd new KIND NAME`: writes a member that passes the laws of its family, with every line that it needs elsewhere.

`new_members/KIND.toml` lists the parts of a kind: whole files, and single lines of existing files. They are written
into a checkout, which has the tests.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import NotRequired, TypedDict

from byzsgd.checks import require
from byzsgd.console.output import tell

ROOT = Path(__file__).resolve().parents[2]
_KINDS = Path(__file__).with_name("new_members")
KINDS = tuple(sorted(file.stem for file in _KINDS.glob("*.toml")))


class Line(TypedDict):
    """A line of a kind: into which file, and behind which siblings."""

    path: str
    text: str
    like: NotRequired[str]  # matches its siblings
    below: NotRequired[str]  # matches a line above the first of them
    sorted: NotRequired[bool]  # whether they are sorted


def new_member(kind: str, name: str, root: Path = ROOT) -> int:
    """Writes all files of a new member, or none. Prints their names, and what remains to be done by hand."""
    import tomllib

    fitting = re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None and not keyword.iskeyword(name)
    require(fitting, "new", "a name of small letters, digits and _ that Python allows", name=name)
    require((root / "tests").is_dir(), "new", "a checkout of the repository, with its tests", folder=root)
    plan = tomllib.loads((_KINDS / f"{kind}.toml").read_text(encoding="utf-8"))
    texts: dict[Path, str] = {}
    for part in plan["file"]:
        path = root / part["path"].replace("NAME", name)
        require(not path.exists(), "new", f"a name that no {kind} has", name=name, file=path.relative_to(root))
        texts[path] = _named(part["text"].removeprefix("\n"), name)
    lines: list[Line] = plan["line"]
    for line in lines:
        path = root / line["path"]
        before = texts[path] if path in texts else path.read_text(encoding="utf-8")
        texts[path] = _with_line(before, {**line, "text": _named(line["text"], name)})
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        tell(path.relative_to(root))
    tell(f"it passes: pytest {plan['tests']}")
    tell(f"now {plan['then']}")
    tell(f"every TODO of yours: grep -rn TODO {' '.join(str(path.relative_to(root)) for path in texts)}")
    return 0


def _named(text: str, name: str) -> str:
    """A template with the name of the member for NAME and that of its class for Name."""
    return text.replace("NAME", name).replace("Name", "".join(part.capitalize() for part in name.split("_")))


def _with_line(text: str, line: Line) -> str:
    """The text of a file with one more line: behind its siblings, or among them if they are sorted; without siblings at
    the end of the file.

    Its siblings are the first consecutive lines that match `like`, at or after the first that matches `below`.
    """
    if "like" not in line:
        return f"{text}{line['text']}\n"
    lines = text.split("\n")
    heading = _first(lines, line.get("below", ""), 0, line)
    start = _first(lines, line["like"], heading, line)
    end = start
    while re.match(line["like"], lines[end]):
        end += 1
    if line.get("sorted"):
        end = next((at for at in range(start, end) if lines[at] > line["text"]), end)
    return "\n".join([*lines[:end], line["text"], *lines[end:]])


def _first(lines: list[str], pattern: str, start: int, line: Line) -> int:
    number = next((at for at in range(start, len(lines)) if re.match(pattern, lines[at])), None)
    if number is None:
        raise ValueError(f"new needs a line in {line['path']} that matches {pattern}; got none")
    return number
