"""What models of images ask of their input."""

from __future__ import annotations

from byzsgd.checks import require


def require_image(who: str, input_shape: tuple[int, ...], side: int | None = None) -> int:
    """The number of channels, unless the inputs are no images of `side` × `side` pixels (None: of any size)."""
    expected = "(channels, height, width)" if side is None else f"(channels, {side}, {side})"
    fits = len(input_shape) == 3 and (side is None or input_shape[1:] == (side, side))
    require(fits, who, f"inputs of shape {expected}", input_shape=tuple(input_shape))
    return input_shape[0]
