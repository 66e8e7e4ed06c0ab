"""Colours and dashes: the same server has the same look in every figure and page."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

# Okabe and Ito's hues, darkened or lightened so that neighbours also differ in grey.
PALETTE = ("#0B5394", "#E07B00", "#0F8A5F", "#8E3B8E", "#56B4E9", "#C2185B", "#8C6D1F", "#4D4D4D")
DASHES = 4  # dash patterns of a line, the first one solid
HONEST = "#0B5394"
BYZANTINE = "#D1490C"

# The index in this list is the look that a server prefers. It must not change, so that figures of different sweeps can
# be compared.
SERVERS = (
    "kardam", "asgd", "basgd", "zeno_pp", "dynsgd", "fedbuff", "quorum", "mean",
    "krum", "trimmed_mean", "median", "geometric_median", "centered_clipping", "multi_krum", "bulyan", "mda",
    "kardam_author", "mifa", "afl_guard", "weighted_median", "fedasync", "ringmaster", "rennala", "ringleader",
    "weighted_rfa", "weighted_ctma", "dc_asgd", "delay_adaptive", "ada_delay", "throttle", "ringmaster_stop",
    "staleness_aware",
)  # fmt: skip


def look_of(number: int) -> tuple[int, int]:
    """Look -> (number of its colour, number of its dash)."""
    return number % len(PALETTE), number // len(PALETTE) % DASHES


def server_places(names: Iterable[str]) -> dict[str, int]:
    """A look for each name, assigned in their order. A server of the list prefers its index, another one a look by the
    hash of its name. If its colour is taken, it gets the next free colour with its own dash. When all colours are
    taken, the dashes differ."""
    colours, slots = len(PALETTE), len(PALETTE) * DASHES
    numbers: dict[str, int] = {}
    for name in dict.fromkeys(names):
        preferred = SERVERS.index(name) % slots if name in SERVERS else crc32(name.encode()) % slots
        taken = {number % colours for number in numbers.values()} if len(numbers) < colours else set()
        row = preferred - preferred % colours
        free = [row + (preferred + step) % colours for step in range(colours)]
        free += [(preferred + step) % slots for step in range(slots)]
        left = [number for number in free if number % colours not in taken and number not in numbers.values()]
        numbers[name] = left[0] if left else preferred
    return numbers
