"""A server that was started in a notebook cell: what the kernel's end, restart and interrupt do to it."""

from __future__ import annotations

import ast
import os
import queue
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from course_lib.servers import Found

from .observing import DEADLINE, ROOT, listens, runs, wait_until_gone

Kernel = tuple[KernelManager, BlockingKernelClient]

START = """
from pathlib import Path
from course_lib.servers import Found, Server
server = Server(Found(Path({path!r}), "Redis", "7", "given")).start()
"""
WHERE = '{"pid": server.pid, "port": server.port, "directory": str(server.directory)}'
PING = "from course_lib.servers.ask import server_pid_at"


@pytest.fixture
def kernel(temporary: Path) -> Iterator[Kernel]:
    """A real kernel whose settings, history and temporary files stay in the test's folder."""
    homes = {
        name: str(temporary / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
    }
    manager, client = start_new_kernel(env={**os.environ, **homes, "PYTHONPATH": str(ROOT)}, startup_timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, value: str = "None") -> Any:
    """Run a cell and return what `value` is afterwards."""
    reply = client.execute(code, reply=True, timeout=DEADLINE, user_expressions={"value": value})["content"]
    assert reply["status"] == "ok", "\n".join(reply.get("traceback", []))
    result = reply["user_expressions"]["value"]
    assert result["status"] == "ok", result
    return ast.literal_eval(result["data"]["text/plain"])


def start_server(client: BlockingKernelClient, found: Found) -> dict[str, Any]:
    where: dict[str, Any] = run(client, START.format(path=str(found.path)), WHERE)
    assert runs(where["pid"])
    assert listens(where["port"])
    assert Path(where["directory"]).is_dir()
    return where


def assert_gone(where: dict[str, Any]) -> None:
    """The folder goes before the guard does, and the guard's command line names the folder."""
    wait_until_gone(where["pid"], *guards_of(where))
    assert not Path(where["directory"]).exists()
    assert not listens(where["port"])


def guards_of(where: dict[str, Any]) -> list[int]:
    named = [p for p in psutil.process_iter(["cmdline"]) if where["directory"] in (p.info["cmdline"] or ())]
    return [process.pid for process in named]


def test_kill_minus_9_of_the_kernel_takes_the_server(kernel: Kernel, found: Found) -> None:
    _, client = kernel
    where = start_server(client, found)
    assert len(guards_of(where)) == 1
    os.kill(run(client, "import os", "os.getpid()"), signal.SIGKILL)
    assert_gone(where)


@pytest.mark.parametrize("now", [True, False], ids=["at once", "after a farewell"])
def test_a_restart_of_the_kernel_takes_the_server(kernel: Kernel, found: Found, now: bool) -> None:
    manager, client = kernel
    where = start_server(client, found)
    manager.restart_kernel(now=now)
    assert_gone(where)
    client.wait_for_ready(timeout=DEADLINE)
    assert start_server(client, found) != where


def test_a_shutdown_of_the_kernel_takes_the_server(kernel: Kernel, found: Found) -> None:
    manager, client = kernel
    where = start_server(client, found)
    manager.shutdown_kernel()
    assert_gone(where)


def test_an_interrupt_of_a_cell_leaves_the_server_running(kernel: Kernel, found: Found) -> None:
    manager, client = kernel
    where = start_server(client, found)
    busy = "import time\nprint('busy', flush=True)\ntime.sleep(600)"
    client.execute(busy, stop_on_error=False)  # or the kernel would refuse the next cell for a moment
    wait_until_printed(client, "busy\n")
    assert interrupted(manager, client)["content"]["ename"] == "KeyboardInterrupt"
    assert run(client, PING, "server_pid_at(server.port)") == where["pid"]


def test_a_cell_that_is_run_again_replaces_its_server(kernel: Kernel, found: Found) -> None:
    """The name is bound to the new server, and nobody holds the old one any more."""
    _, client = kernel
    first = start_server(client, found)
    second = start_server(client, found)
    assert_gone(first)
    assert runs(second["pid"])


def interrupted(manager: KernelManager, client: BlockingKernelClient) -> dict[str, Any]:
    """The reply to an interrupt. Pressed again each second, as by a person: the kernel may be between two handlers."""
    for _ in range(int(DEADLINE)):
        manager.interrupt_kernel()
        try:
            return client.get_shell_msg(timeout=1)
        except queue.Empty:
            pass
    raise AssertionError("the kernel heard no interrupt")


def wait_until_printed(client: BlockingKernelClient, text: str) -> None:
    while True:
        message = client.get_iopub_msg(timeout=DEADLINE)
        if message["msg_type"] == "stream" and message["content"]["text"] == text:
            return
