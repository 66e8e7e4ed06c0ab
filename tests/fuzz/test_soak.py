"""What the long run of `make soak` calls flat."""

import numpy as np
import pytest
import soak

DELIVERIES = np.arange(1, 101) * 10_000
SECONDS, BYTES = 5e-5 * DELIVERIES, np.full(100, 3e8)
CASES = {
    "nothing grows": (SECONDS, BYTES, 28.0, True),
    "caches that fill": (SECONDS, BYTES - 5e7 * (DELIVERIES < 2e5), 28.0, True),
    "an allocator takes a step": (SECONDS, BYTES + 6e6 * (DELIVERIES > 5e5), 28.0, True),
    "five bytes a delivery": (SECONDS, BYTES + 5.0 * DELIVERIES, 28.0, False),
    "each delivery takes longer": (SECONDS * DELIVERIES / 1e6, BYTES, 28.0, False),
    "long rows": (SECONDS, BYTES, 101.0, False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_grows_with_deliveries_is_not_flat(case):
    seconds, held, record, flat = CASES[case]
    found = soak.measured(np.column_stack([DELIVERIES, seconds, held]), record)
    assert found.flat == flat
    assert found.first > 0
