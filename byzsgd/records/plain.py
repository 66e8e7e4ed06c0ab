"""JSON that every reader accepts: NaN and the infinities, which JSON lacks, are the strings "NaN", "Infinity" and
"-Infinity"; null means not measured."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping


def to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(_portable(value), allow_nan=False, ensure_ascii=False, indent=indent)


def _portable(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
