"""torchvision beside a torch of another build (a CPU torch beside a CUDA torchvision, say)."""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
from types import ModuleType

from torch.library import Library

# Operators of torchvision's compiled half that its import requires. None of them is called here.
OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@lru_cache(maxsize=1)
def declare_operators() -> Library:
    """Declares the operators; they exist as long as the returned object, which the cache keeps."""
    library = Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in OPERATORS:
        library.define(name + SIGNATURE)  # type: ignore[no-untyped-call]
    return library


def import_torchvision() -> ModuleType:
    """torchvision, imported at the first call; ValueError where that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about image decoders that are not used here
        try:
            return _imported()
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
        # Its compiled half does not load into this torch. The rest of the failed import is removed, and the operators
        # are declared by name. Not before a failure: a compiled half that loads declares them itself.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        declare_operators()
        return _imported()


def _imported() -> ModuleType:
    try:
        import torchvision
    except ImportError as error:
        raise ValueError(f"torchvision is needed here and cannot be imported; got {error}") from error
    return torchvision  # type: ignore[no-any-return]
