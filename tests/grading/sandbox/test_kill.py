"""Nothing outlives a child: no process, no mount, no file; not even where the grader itself is killed."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from course_lib.grading.sandbox.child import descendants, gone

from .layers import HIDDEN, LAYERS, ROOT, Layer, new_token

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux only: elsewhere the probe tries the system's own sandbox"
)
KEPT = ["bubblewrap", "Landlock", "no sandbox (--unsafe)"]


def processes(token: str) -> list[int]:
    """All that carry the token in their arguments, dead ones that nobody has waited for included."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if token in (one.info["cmdline"] or ())]


def started(layer: Layer, deed: str, token: str) -> subprocess.Popen[bytes]:
    """The hostile runner, once its child has said so."""
    argv = layer.argv({}, deeds=[deed], token=token)
    out = subprocess.PIPE
    return layer.make().start(argv, readable=layer.readable(), hidden=HIDDEN, stdout=out, stderr=subprocess.STDOUT)


def test_a_daemon_dies_with_its_bubblewrap() -> None:
    """Even one that nothing had confined: it has left the group, the session and its parent, and ignores signals."""
    token = new_token()
    layer = dataclasses.replace(LAYERS["bubblewrap"], free=True)
    child = started(layer, "daemon", token)
    assert child.stdout is not None
    assert child.stdout.readline() == b"a daemon\n"
    assert len(processes(token)) >= 3  # the control: it is there, beside the runner and its child
    layer.make().kill(child)
    assert processes(token) == []


@pytest.mark.parametrize("name", KEPT)
def test_kill_leaves_no_process_and_no_mount(name: str) -> None:
    token, mounts = new_token(), Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    layer = LAYERS[name]
    child = started(layer, "say_and_sleep", token)
    assert child.stdout is not None
    assert child.stdout.readline() == b"asleep\n"
    assert processes(token)
    layer.make().kill(child)
    assert processes(token) == []
    assert child.returncode is not None
    layer.make().kill(child)  # once more does no harm
    assert Path("/proc/self/mountinfo").read_text(encoding="utf-8") == mounts


GRADER = """
import sys, json, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.grading.sandbox.layers import LAYERS
from tests.grading.sandbox.test_kill import started
children = [started(LAYERS[name], "say_and_sleep", sys.argv[2]) for name in json.loads(sys.argv[3])]
for child in children:
    assert child.stdout.readline() == b"asleep\\n"
print("ready", flush=True)
time.sleep(600)
"""


def test_a_grader_killed_by_sigkill_leaves_no_process() -> None:
    """The kernel ends what it had started, in each layer at once."""
    token = new_token()
    names = [name for name in KEPT if _is_here(name)]
    assert names
    command = [sys.executable, "-c", GRADER, str(ROOT), token, json.dumps(names)]
    grader = subprocess.Popen(command, stdout=subprocess.PIPE)
    with descendants(grader) as none_yet:
        assert none_yet == []
    assert grader.stdout is not None
    assert grader.stdout.readline() == b"ready\n"
    with descendants(grader) as family:
        assert len(family) >= 2 * len(names)  # the control: a runner and its child in each
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        grader.stdout.close()
        assert [gone(one, 5) for one in family] == [True] * len(family)


def _is_here(name: str) -> bool:
    try:
        LAYERS[name].make()
    except pytest.skip.Exception:
        return False
    return True
