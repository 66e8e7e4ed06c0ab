"""Schemes on the command line: one without a server takes no aggregator."""

from __future__ import annotations

import pytest

from byzsgd.config import build
from byzsgd.config.compose import composed, plain


def test_the_server_needs_an_aggregator():
    config, choices = plain(composed([]))
    with pytest.raises(ValueError, match="scheme server needs a server"):
        build({**config, "aggregator": None}, choices)
