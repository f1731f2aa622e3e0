"""The simulation in a real Jupyter kernel: a plain cell, an `await` cell, a task, a slider's callback, an interrupt."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0  # s; generous, for it is spent only by a test that fails

LESSON = """
import asyncio
from course_lib.sim import Simulation

async def add(redis):
    for _ in range(3):
        await redis.incr("n")
    return await redis.get("n")

def experiment(clients=2):
    world = Simulation(1)
    for number in range(clients):
        world.client(f"c{number}", add, world.redis())
    world.run()
    return [world.trace.digest(), world.results[f"c{clients - 1}"]]

async def endless(redis):
    while True:
        await redis.get("x")
"""


ENDLESS = """
import time
world.loop.due(0.5, lambda: print("running", flush=True))  # when it has got going
try:
    world.run()
except KeyboardInterrupt:
    stopped = time.process_time()
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """One kernel for all, whose settings and history stay in a folder of the tests."""
    folder = tmp_path_factory.mktemp("kernel")
    homes = {name: str(folder / name) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    manager, client = start_new_kernel(env={**os.environ, **homes, "PYTHONPATH": str(ROOT)}, startup_timeout=60)
    run(client, LESSON)
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


def expected(clients: int = 2) -> Any:
    scope: dict[str, Any] = {}
    exec(LESSON, scope)
    return scope["experiment"](clients)


Kernel = tuple[KernelManager, BlockingKernelClient]


def test_a_plain_cell_runs_to_completion(kernel: Kernel) -> None:
    """Though the kernel's own loop is running; and the digest is that of a script."""
    _, client = kernel
    assert run(client, "got = experiment()", "got") == expected()
    assert run(client, "", "asyncio.get_event_loop_policy() is not None") is True


def test_a_cell_that_awaits_runs_it_between_its_awaits(kernel: Kernel) -> None:
    _, client = kernel
    code = "await asyncio.sleep(0.01)\ngot = experiment()\nawait asyncio.sleep(0.01)\ntask = asyncio.current_task()"
    assert run(client, code, "[got, task is not None]") == [expected(), True]


def test_a_task_and_a_callback_of_the_kernels_loop_run_it(kernel: Kernel) -> None:
    _, client = kernel
    code = """
async def inside():
    await asyncio.sleep(0)
    first = experiment()
    await asyncio.sleep(0)
    return first, asyncio.current_task() is not None
got = await asyncio.gather(inside(), inside())
called = []
asyncio.get_running_loop().call_soon(lambda: called.append(experiment()))
await asyncio.sleep(0.2)
"""
    assert run(client, code, "[list(map(list, got)), called]") == [[[expected(), True]] * 2, [expected()]]


def test_a_slider_runs_it_in_its_callback(kernel: Kernel) -> None:
    _, client = kernel
    code = """
import ipywidgets
heard = []
slider = ipywidgets.IntSlider(value=1, min=1, max=500)
slider.observe(lambda change: heard.append([change["new"], experiment(change["new"])]), "value")
"""
    model = run(client, code, "slider.model_id")
    for value in (3, 7):
        content = {"comm_id": model, "data": {"method": "update", "state": {"value": value}, "buffer_paths": []}}
        client.shell_channel.send(client.session.msg("comm_msg", content))
    assert run(client, "", "heard") == [[3, expected(3)], [7, expected(7)]]


def test_an_interrupt_stops_it_within_a_second_and_the_kernel_goes_on(kernel: Kernel) -> None:
    """A second of the kernel's own work, which other work on the machine does not shorten."""
    manager, client = kernel
    run(client, "world = Simulation(1)\nworld.client('a', endless, world.redis())")
    process = psutil.Process(run(client, "import os", "os.getpid()"))
    client.execute(ENDLESS)
    while "running" not in (message := client.get_iopub_msg(timeout=DEADLINE))["content"].get("text", ""):
        pass
    began = process.cpu_times()
    manager.interrupt_kernel()
    while message["msg_type"] != "status" or message["content"]["execution_state"] != "idle":
        message = client.get_iopub_msg(timeout=DEADLINE)
    assert run(client, "", "stopped") - (began.user + began.system) < 1.0
    assert run(client, "got = experiment()", "got") == expected()
    assert run(client, "await asyncio.sleep(0.01)\nworld.rewind(1)\nworld.client('b', add, world.redis())\nworld.run()",
               "[len(world.trace) > 3, world.results]") == [True, {"b": "3"}]  # fmt: skip


def test_slices_let_the_kernel_do_other_work_in_between(kernel: Kernel) -> None:
    """Progress, and an interrupt button: a task of the kernel runs while the simulation is between two slices."""
    _, client = kernel
    code = """
world, seen = Simulation(1), []
for number in range(50):
    world.client(f"c{number}", add, world.redis())
async def other():
    while True:
        seen.append(1)
        await asyncio.sleep(0)
task = asyncio.get_running_loop().create_task(other())
for now in world.slices(100):
    await asyncio.sleep(0)
task.cancel()
"""
    assert run(client, code, "[len(seen) >= 3, len(world.results)]") == [True, 50]
