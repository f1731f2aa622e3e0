"""Every test that takes `found` runs on each server that this machine has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from course_lib.servers import Found, Server, find_all


@pytest.fixture(params=find_all(), ids=lambda found: found.flavor)
def found(request: pytest.FixtureRequest) -> Found:
    assert isinstance(request.param, Found)
    return request.param


@pytest.fixture
def server(found: Found) -> Iterator[Server]:
    with Server(found) as running:
        yield running


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which this process, and those that it starts, make their temporary ones."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_process_is_left_behind() -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    assert not left, f"test process {os.getpid()} still has children: {left}"
