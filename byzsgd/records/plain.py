"""Plain values: what the files of a run hold, and JSON that every reader accepts. In it NaN and the infinities, which
JSON lacks, are the strings "NaN", "Infinity" and "-Infinity"; null means not measured."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# A resolved configuration, as `config.yaml` holds it: null, true, false, numbers, texts, and lists and mappings of
# these. The mapping of a part holds its `_target_` beside its settings, whose types its signature says.
Config = Mapping[str, Any]
# The facts of a run, as `info.json` holds them: its status, scores and choices, those of `info.collect_info`, and what
# its data, its scheme and its end add.
Info = dict[str, Any]


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
