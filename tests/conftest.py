"""What tests of whole commands have in common."""

import pytest


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Relative folders go to a place of their own, and errors are one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path
