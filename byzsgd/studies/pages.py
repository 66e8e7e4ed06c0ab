"""The page of a study: text by a person, around the numbers that `byzsgd reproduce` writes."""

from __future__ import annotations

from pathlib import Path

from byzsgd.analysis.estimates import NOTHING

from .finding import Record

BEGIN = "<!-- measured: byzsgd reproduce writes what stands between these marks -->"
END = "<!-- end of measured -->"
SHOWN = 12  # digits of a commit


def measured(record: Record) -> str:
    """The part of a page that follows from a record, with the marks around it."""
    seeds = record.seeds
    whole = list(seeds) == list(range(seeds[0], seeds[-1] + 1)) if seeds else False
    listed = f"{seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 2 else ", ".join(map(str, seeds))
    commits = ", ".join(_short(commit) for commit in record.commits)
    rows = [
        f"| {row.what} | {row.claimed or NOTHING} | {row.measured} | {row.runs} | {_verdict(row.holds)} |"
        for row in record.findings
    ]
    lines = [
        BEGIN,
        f"**Claim.** {record.claim} ({record.source})",
        "",
        "| what | claimed | measured | runs | the claim |",
        "| --- | ---: | ---: | ---: | --- |",
        *rows,
        "",
        f"`{record.command}`: {record.runs:,} runs with {record.gradients:,} delivered gradients together, "
        f"scale {record.scale}, seeds {listed}, commit {commits}.",
        END,
    ]
    return "\n".join(lines)


def _verdict(holds: bool | None) -> str:
    return {True: "holds", False: "**fails**", None: NOTHING}[holds]


def _short(commit: str) -> str:
    name, mark, rest = commit.partition("-")
    return f"{name[:SHOWN]}{mark}{rest}"


def part_of(page: str) -> str:
    """The part of a page between the marks, with them; ValueError where the page has no marks."""
    start, end = page.find(BEGIN), page.find(END)
    if start < 0 or end < start:
        raise ValueError("a page of a study needs the marks between which its numbers stand; got none")
    return page[start : end + len(END)]


def publish(record: Record, folder: Path, figures: dict[str, str]) -> list[Path]:
    """Writes NAME.json and the numbers in NAME.md. A new page also gets the figures ({file: caption})."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / f"{record.study}.json", folder / f"{record.study}.md"
    data.write_text(record.text(), encoding="utf-8")
    if page.is_file():
        text = page.read_text(encoding="utf-8")
        text = text.replace(part_of(text), measured(record))
    else:
        shown = "".join(f"\n![{what}]({file})\n" for file, what in figures.items())
        text = f"# {record.title}\n\n{measured(record)}\n{shown}"
    page.write_text(text, encoding="utf-8")
    return [data, page]
