"""Colours for the eyes: the same server looks the same in every figure and page."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

# Okabe and Ito's hues, darkened or lightened so that neighbours also differ in grey.
PALETTE = ("#0B5394", "#E07B00", "#0F8A5F", "#8E3B8E", "#56B4E9", "#C2185B", "#8C6D1F", "#4D4D4D")
DASHES = 4  # ways to break a line, the first unbroken
HONEST = "#0B5394"
BYZANTINE = "#D1490C"

# The place in this list is the look: it only has to stay, so that figures of different sweeps can lie side by side.
SERVERS = (
    "kardam", "asgd", "basgd", "zeno_pp", "dynsgd", "fedbuff", "quorum", "mean",
    "krum", "trimmed_mean", "median", "geometric_median", "centered_clipping", "multi_krum", "bulyan", "mda",
    "kardam_author", "mifa", "afl_guard", "weighted_median", "fedasync", "ringmaster", "rennala", "ringleader",
    "weighted_rfa", "weighted_ctma", "dc_asgd", "delay_adaptive", "ada_delay", "throttle", "ringmaster_stop",
    "staleness_aware",
)  # fmt: skip


def look_of(place: int) -> tuple[int, int]:
    """Place -> number of the colour and of the dash."""
    return place % len(PALETTE), place // len(PALETTE) % DASHES


def server_places(names: Iterable[str]) -> dict[str, int]:
    """Known servers have their place; others get one by their name, moved on only where two would be alike."""
    names = sorted(set(names))
    places = {name: SERVERS.index(name) for name in names if name in SERVERS}
    slots = len(PALETTE) * DASHES
    for name in names:
        if name not in places:
            place = crc32(name.encode()) % slots
            while place in places.values() and len(places) < slots:
                place = (place + 1) % slots
            places[name] = place
    return places
