"""What tests of whole commands have in common."""

import gc

import pytest


def pytest_collection_finish():
    """Thousands of collected tests stay to the end, so the garbage collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Relative folders go to a place of their own, and errors are one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path
