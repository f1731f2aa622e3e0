"""A package of npm is the one that was pinned, or none."""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from course_lib.website import tools


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an npm of our own packs, in place of the real one: it needs no network."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "a.js").write_text("1")
    with tarfile.open(tmp_path / "a-1.0.0.tgz", "w:gz") as packed:
        packed.add(tmp_path / "package", "package")
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\nfor where; do :; done\ncp "{tmp_path}/a-1.0.0.tgz" "$where"/ && echo a-1.0.0.tgz\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "venv")
    return tmp_path / "a-1.0.0.tgz"


def pin(monkeypatch: pytest.MonkeyPatch, integrity: str) -> None:
    monkeypatch.setitem(tools.PROJECT["tool"]["course"]["npm"], "a", ["1.0.0", integrity])


def test_a_package_is_unpacked_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode())
    assert (tools.package("a") / "a.js").read_text() == "1"
    archive.unlink()
    assert (tools.package("a") / "a.js").read_text() == "1"


def test_a_package_that_was_changed_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, "sha512-other")
    with pytest.raises(tools.Missing, match=r"a 1\.0\.0 is not the package that was pinned"):
        tools.package("a")
    assert not list((tools.FOLDER / "npm").iterdir())


def test_without_npm_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tools.Missing, match="npm is missing"):
        tools.package("requirejs")
