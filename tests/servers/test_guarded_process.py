"""A worker process under a guard: its result, its end, its streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from course_lib.errors import ServerFailed
from course_lib.servers import GuardedProcess, guarded

from .observing import DEADLINE, runs, wait_until, wait_until_gone

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"


def worker(script: str, *arguments: str, **options: object) -> GuardedProcess:
    return guarded([sys.executable, "-c", script, *arguments], **options)  # type: ignore[arg-type]


def ready(script: str, **options: object) -> GuardedProcess:
    process = worker(script, **options)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


# -- results ----------------------------------------------------------------------------------------------------------


def test_one_line_of_json_comes_back() -> None:
    with worker("import json; print(json.dumps({'loads': 1}))") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"loads": 1}
        assert process.wait(DEADLINE) == 0


def test_all_that_a_worker_writes_comes_back_even_if_it_fills_both_pipes() -> None:
    script = "import sys; sys.stderr.write('e' * 300_000); sys.stdout.write('o' * 300_000); sys.exit(3)"
    with worker(script) as process:
        assert process.communicate(timeout=DEADLINE) == ("o" * 300_000, "e" * 300_000)
        assert process.wait(DEADLINE) == 3


def test_a_worker_reads_what_it_is_sent() -> None:
    with worker("print(input().upper())", stdin=subprocess.PIPE) as process:
        assert process.communicate("café\n", timeout=DEADLINE)[0] == "CAFÉ\n"


def test_a_worker_has_no_input_unless_it_is_given_one() -> None:
    with worker("import sys; print(repr(sys.stdin.read()))") as process:
        assert process.communicate(timeout=DEADLINE)[0] == "''\n"


def test_a_worker_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    env = {**os.environ, "COURSE_SEED": "7"}
    with worker("import os; print(os.getcwd(), os.environ['COURSE_SEED'])", directory=tmp_path, env=env) as process:
        assert process.communicate(timeout=DEADLINE)[0] == f"{tmp_path.resolve()} 7\n"


def test_a_worker_does_not_inherit_the_guards_deaf_ears() -> None:
    """Python ignores SIGPIPE, and the guard heeds no SIGINT; a command gets every signal as from a shell."""
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        with guarded(["/bin/sh", "-c", f"kill -{int(number)} $$; echo survived"]) as process:
            assert process.wait(DEADLINE) == -number


def test_a_worker_holds_no_descriptor_but_its_streams() -> None:
    with worker("import os; print(sorted(map(int, os.listdir('/dev/fd'))))") as process:
        listing = 3  # the descriptor through which the folder is read
        assert process.communicate(timeout=DEADLINE)[0] == f"{[0, 1, 2, listing]}\n"


def test_a_command_that_does_not_exist_is_an_error_as_in_the_standard_library() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        guarded(["/nowhere/worker"])
    assert caught.value.filename == "/nowhere/worker"


# -- ends -------------------------------------------------------------------------------------------------------------


def test_the_end_of_the_block_ends_the_worker() -> None:
    with ready(SLEEPER) as process:
        pids = [process.pid, process.guard_pid]
        assert process.is_alive()
    assert not process.is_alive()
    assert not [pid for pid in pids if pid is not None and psutil.pid_exists(pid)]


def test_kill_returns_when_the_worker_is_dead() -> None:
    with ready(SLEEPER) as process:
        assert process.pid is not None
        process.kill()
        assert not runs(process.pid)
        assert process.returncode == -signal.SIGKILL
        process.kill()


def test_waiting_has_a_deadline() -> None:
    with ready(SLEEPER) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        assert process.is_alive()


def test_one_thread_may_kill_what_another_waits_for() -> None:
    statuses: list[int] = []
    with ready(SLEEPER) as process:
        waiter = threading.Thread(target=lambda: statuses.append(process.wait(DEADLINE)))
        waiter.start()
        process.kill()
        waiter.join(DEADLINE)
    assert statuses == [-signal.SIGKILL]


def test_a_worker_is_given_time_to_clear_up() -> None:
    script = f"import atexit, signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); {SLEEPER}"
    process = ready(script, grace=DEADLINE)
    process.end()
    assert process.returncode == 5


def test_a_worker_that_will_not_leave_is_killed() -> None:
    process = ready(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}", grace=0.05)
    process.end()
    assert process.returncode == -signal.SIGKILL


def test_a_paused_worker_can_be_ended() -> None:
    process = ready(SLEEPER, grace=DEADLINE)
    process.pause()
    process.end()
    assert process.returncode == -signal.SIGTERM


def test_what_a_worker_started_ends_with_it() -> None:
    script = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); print(child.pid)"
    )
    with worker(script) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.wait(DEADLINE) == 0
        wait_until_gone(child)


def test_the_guard_leaves_with_its_worker() -> None:
    with worker("pass") as process:
        assert process.wait(DEADLINE) == 0
        wait_until(lambda: not runs(process.guard_pid), "the guard has left")


def test_a_worker_that_nobody_holds_any_more_is_ended() -> None:
    process = ready(SLEEPER)
    pid, guard = process.pid, process.guard_pid
    assert pid is not None
    del process
    wait_until_gone(pid, guard)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent's life")
def test_a_worker_dies_with_its_guard() -> None:
    with ready(SLEEPER) as process:
        assert process.pid is not None
        os.kill(process.guard_pid, signal.SIGKILL)
        wait_until_gone(process.pid)
        wait_until(lambda: not process.is_alive(), "the loss of the guard is noticed")
        assert process.returncode == -signal.SIGKILL


def test_a_fork_directs_nothing_and_ends_nothing() -> None:
    """Its copy of the object is of no use, and its exit leaves the worker alone."""
    with ready(SLEEPER) as process:
        fork = os.fork()
        if fork == 0:
            refused = False
            try:
                process.signal(signal.SIGKILL)
            except ServerFailed:
                refused = True
            waited = not process.is_alive() or process.ends_within(DEADLINE)
            process.end()
            os._exit(0 if refused and not waited else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
        assert process.is_alive()
        assert process.pid is not None
        assert runs(process.pid)
