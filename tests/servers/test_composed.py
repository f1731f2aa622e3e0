"""The containers of docker-compose.yml: verbs, engines, the lab; with an engine and COURSE_SLOW, all of it for real."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from course_lib.errors import NoEngine, ServerFailed
from course_lib.servers import Found, NodeStatus, Server, guarded
from course_lib.servers.ask import ask, ask_all
from course_lib.servers.ports import HOST, free_port
from course_lib.servers.relay.control import SCRIPT, ContainerRelayControl
from course_lib.servers.topology import composed
from course_lib.servers.topology.compose_file import COMPOSE, REPLICA, Service
from course_lib.servers.topology.composed import Composed
from course_lib.servers.topology.engine import Container, Engine, find_engine
from course_lib.widgets.topology_panel import TopologyPanel

from .observing import listens, wait_until

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = {"repl-diskless-sync-delay": "0"}
LAB = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["lab"]


def until(holds: Callable[[], bool]) -> None:
    wait_until(holds, "what the test waits for", within=60.0)


# -- verbs, with processes in place of containers ---------------------------------------------------------------------


class Processes:
    """An engine whose containers are processes of ours: the same commands, obeyed without containers."""

    cli = "processes"

    def __init__(self, **servers: Server) -> None:
        self.servers, self.exists, self.commands = servers, False, list[str]()
        self.ports = {name: server.start().port for name, server in servers.items()}
        for server in servers.values():
            server.kill()

    def containers(self) -> dict[str, Container]:
        made = {name: Container(name, name, server.is_alive()) for name, server in self.servers.items()}
        return made | {"relay": Container("relay", "relay", True)} if self.exists else {}

    def composed(self, profiles: Sequence[str], *words: str) -> str:
        self.commands.append(" ".join([*profiles, words[0]]))
        if words[0] == "up":
            for server in self.servers.values():
                server.start()
            self.exists = True
        return ""

    def run(self, *words: str, within: float = 0.0) -> str:
        verb, *_ = words
        server = self.servers[words[-1]]
        self.commands.append(" ".join(words[:-1]))
        if verb == "start":
            server.start()
        elif verb == "rm":
            for name in words[words.index("--volumes") + 1 :]:
                self.servers[name].kill()
            self.exists = False
        else:
            assert verb == "kill"
            {"KILL": server.kill, "STOP": server.pause, "CONT": server.resume}[words[2]]()
        return ""

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()


@pytest.fixture
def engine(found: Found, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    made = Processes(standalone=Server(found))
    one = Service("standalone", "data", made.ports["standalone"], ("redis-server",))
    monkeypatch.setattr(composed, "services", lambda profile: (one,))
    yield made
    made.stop()


def test_the_verbs_do_to_a_container_what_they_do_to_a_process(engine: Processes) -> None:
    """Start, kill, restart, pause, resume and reset, each seen in the status; and stop leaves nothing."""

    def seen() -> tuple[str, str, int | None]:
        (one,) = topology.status()
        return one.state, one.role, one.keys

    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        assert topology.url("standalone") == f"redis://127.0.0.1:{engine.ports['standalone']}/0"
        until(lambda: seen() == ("up", "primary", 0))
        ask(topology.port("standalone"), "SET", "a", "1")
        topology.kill("standalone")
        topology.kill("standalone")
        assert seen() == ("down", "unknown", None)
        with pytest.raises(ServerFailed, match="standalone is not running: restart it first"):
            topology.pause("standalone")
        topology.restart("standalone")
        until(lambda: seen() == ("up", "primary", 0))
        ask(topology.port("standalone"), "SET", "a", "1")
        topology.pause("standalone")
        assert seen() == ("paused", "unknown", None)
        topology.resume("standalone")
        until(lambda: seen() == ("up", "primary", 1))
        topology.pause("standalone")
        topology.restart("standalone")
        topology.reset()
        until(lambda: seen() == ("up", "primary", 0))
    assert engine.commands[-2:] == ["rm --force --volumes", "standalone sentinel cluster redlock down"]
    assert not engine.servers["standalone"].is_alive()


def test_what_ran_before_is_used_and_left_alone(engine: Processes) -> None:
    engine.composed(["standalone"], "up")
    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        until(lambda: topology.status()[0].state == "up")
    assert engine.commands == ["standalone up"]
    assert engine.servers["standalone"].is_alive()


def test_what_cannot_be_done_is_told_in_the_panel_too(engine: Processes) -> None:
    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no server is called 'nobody'; there are: standalone"):
            topology.partition("nobody")
        panel = TopologyPanel(topology)
        panel.do("partition", "standalone")
        assert "Partition standalone did not work: there is nothing to cut in &#x27;standalone" in panel.face.told.value
        panel.do("kill", "standalone")
        assert "you killed standalone" in panel.face.told.value
        assert "standalone: down" in panel.face.picture.value


@contextmanager
def relayed(*servers: Server) -> Iterator[tuple[int, list[int]]]:
    """The script that the relay's container runs, as a process before these servers: its port, and theirs."""
    port, fronts = free_port(), [free_port() for _ in servers]
    orders = [f"listen {own} {server.port} {own} node" for own, server in zip(fronts, servers, strict=True)]
    script = SCRIPT.with_name("relay_service.py")
    process = guarded([sys.executable, "-IS", str(script), str(port), *orders], grace=0)
    try:
        wait_until(lambda: listens(port), "the relay hears")
        yield port, fronts
    finally:
        process.end()


def test_a_partition_cuts_containers_off_from_each_other_and_not_from_clients(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica loses its primary and catches up when healed; whoever comes meanwhile finds the cut, and a reset
    ends it."""
    engine = Processes(primary=Server(found, config=AT_ONCE), replica1=Server(found))
    try:
        with relayed(*engine.servers.values()) as (hears, fronts):
            replica = ("redis-server", REPLICA)
            two = tuple(
                Service(name, "data", front, command)
                for name, front, command in zip(engine.servers, fronts, (("redis-server",), replica), strict=True)
            )
            monkeypatch.setattr(composed, "services", lambda profile: two)
            monkeypatch.setattr(composed, "relay_port", lambda profile: hears)
            for server, front in zip(engine.servers.values(), fronts, strict=True):
                server.start()
                ask(server.port, "CONFIG", "SET", "replica-announce-port", front)
                ask(server.port, "REPLICAOF", *(("NO", "ONE") if front == fronts[0] else (HOST, fronts[0])))
            engine.exists = True
            check_a_partition(engine, fronts)
    finally:
        engine.stop()


def check_a_partition(engine: Any, fronts: list[int]) -> None:
    def seen() -> dict[str, tuple[str, str, str, int | None]]:
        return {one.name: (one.state, one.role, one.link, one.keys) for one in topology.status()}

    with Composed("sentinel", engine=engine) as topology:
        until(lambda: seen()["replica1"] == ("up", "replica", "up", 0))
        assert ask_all({topology.port("primary"): [("SET", "a", 1), ("WAIT", 1, 0)]}, 20.0)[fronts[0]] == ["OK", 1]
        topology.partition("replica1")
        assert ask_all({topology.port("primary"): [("SET", "b", 1), ("WAIT", 1, 500)]}, 20.0)[fronts[0]] == ["OK", 0]
        assert seen()["replica1"] == ("cut off", "replica", "up", 1)
        assert seen()["primary"] == ("up", "primary", "", 2)
        with Composed("sentinel", engine=engine) as late:
            assert [one.state for one in late.status()] == ["up", "cut off"]
            late.heal("replica1")
        topology.heal("replica1")
        until(lambda: seen()["replica1"] == ("up", "replica", "up", 2))
        topology.partition("primary")
        engine.servers["primary"].kill()
        until(lambda: seen()["primary"] == ("down", "unknown", "", None))
    assert engine.servers["replica1"].is_alive()


@pytest.mark.parametrize("line", ["", "GET / HTTP/1.1\r", "cut", "cut x", "close 1", "cut 1 2", "x" * 5000])
def test_the_relay_takes_no_other_order_from_outside(line: str, rude: int) -> None:
    """And goes on."""
    with socket.create_connection((HOST, rude), 10) as connection, connection.makefile() as answers:
        connection.sendall(f"{line}\n".encode())
        assert answers.readline() == ("wrong\n" if line else "")
    relays = ContainerRelayControl(rude)
    relays.cut(17)
    assert relays.cuts() == {17}
    relays.heal(17)
    assert relays.cuts() == set()


@pytest.fixture(scope="module")
def rude() -> Iterator[int]:
    with relayed() as (port, _):
        yield port


def test_a_relay_that_has_ended_is_told(found: Found) -> None:
    """Its script ends with it; and one that cannot have its port says which."""
    with pytest.raises(ServerFailed, match="relay is gone"):
        ContainerRelayControl(free_port()).cut(1)
    with Server(found) as taken:
        with pytest.raises(ServerFailed, match="relay is gone"):  # and a stranger is there
            ContainerRelayControl(taken.port).cut(1)
        script = SCRIPT.with_name("relay_service.py")
        order = f"listen {taken.port} 1 1 node"
        done = subprocess.run(
            [sys.executable, "-IS", str(script), "0", order], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stderr) == (1, f"{order}: taken\n")


# -- engines ----------------------------------------------------------------------------------------------------------


def tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_engine_is_the_first_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's client without its daemon is passed over; without any engine, the error says what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngine, match=r"(?s)docker: there is no docker on PATH.*no podman and no podman-compose"):
        find_engine()
    tool(tmp_path, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    tool(tmp_path, "podman", "exit 0")
    with pytest.raises(NoEngine, match=r"(?s)docker: Cannot connect to the Docker daemon.*there is no podman-compose"):
        find_engine()
    tool(tmp_path, "podman-compose", "exit 0")
    assert find_engine() == Engine("podman", ("podman-compose",))
    tool(tmp_path, "docker", "exit 0")
    assert find_engine() == Engine("docker", ("docker", "compose"))


def test_an_engines_failure_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tool(tmp_path, "docker", 'echo "no such container" >&2; exit 3')
    with pytest.raises(ServerFailed, match="(?s)`docker start x …` ended with status 3:.*no such container"):
        Engine("docker", ("docker", "compose")).run("start", "x")
    with pytest.raises(ServerFailed, match="cannot be run: No such file"):
        Engine("podman", ("podman-compose",)).run("start", "x")


# -- the lab ----------------------------------------------------------------------------------------------------------


def test_the_lab_is_no_root_and_is_reached_from_this_machine_only() -> None:
    dockerfile = LAB["build"]["dockerfile_inline"].splitlines()
    assert [line for line in dockerfile if line.startswith("USER")] == ["USER learner"]
    assert LAB["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in LAB["ports"])
    assert "--require-hashes -r requirements.lock" in LAB["build"]["dockerfile_inline"]
    copied = [word for line in dockerfile if line.startswith("COPY") for word in line.split()[1:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_lab_keeps_the_learners_notebooks_and_renews_the_rest(tmp_path: Path) -> None:
    """The script that the container runs, up to JupyterLab itself, on two editions of a course."""
    course, home = tmp_path / "course", tmp_path / "home"
    for folder in ("notebooks", "exercises", "solutions", "course_lib"):
        (course / folder).mkdir(parents=True)
    home.mkdir()
    script = LAB["command"][2].replace("$$", "$").replace("/course\n", f"{course}\n")
    script = script.replace(" /course/", f" {course}/").partition("JUPYTER_TOKEN=")[0]

    def edition(number: int, *lessons: str) -> None:
        for name in ("README.md", "LICENSE", "LICENSE-prose", "notebooks/README.md", *lessons):
            (course / name).write_text(f"edition {number}", encoding="utf-8")
        subprocess.run(["sh", "-ec", script], cwd=home, env={**os.environ, "HOME": str(home)}, check=True, timeout=30)

    def read(name: str) -> str:
        return (home / "course" / name).read_text(encoding="utf-8")

    edition(1, "notebooks/05 stampedes.ipynb", "exercises/05.ipynb")
    (home / "course/notebooks/05 stampedes.ipynb").write_text("mine", encoding="utf-8")
    (home / "course/notebooks/own.ipynb").write_text("mine", encoding="utf-8")
    edition(2, "notebooks/05 stampedes.ipynb", "exercises/05.ipynb", "notebooks/06.ipynb")
    assert read("notebooks/05 stampedes.ipynb") == read("notebooks/own.ipynb") == "mine"
    assert read("exercises/05.ipynb") == "edition 1"
    assert read("notebooks/06.ipynb") == read("notebooks/README.md") == read("README.md") == "edition 2"
    assert (home / "course/course_lib").resolve() == course / "course_lib"


# -- for real ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def containers() -> Iterator[Engine]:
    """An engine, on which nothing of the course runs."""
    if not os.environ.get("COURSE_SLOW"):
        pytest.skip("COURSE_SLOW is not set")
    try:
        made = find_engine()
    except NoEngine:
        pytest.skip("no container engine answers here")
    assert made.containers() == {}, "containers of the course run already: end them with `down`"
    yield made
    left, made_of = made.containers(), ["standalone", "sentinel", "cluster", "redlock"]
    made.composed(made_of, "down", "--timeout", "1")
    assert left == {}


async def written(*topologies: Composed) -> None:
    """Each topology's own client writes and reads from outside the containers."""
    for topology in topologies:
        async with topology.redis() as redis:
            await redis.set("a", "1")
            assert await redis.get("a") == "1"


def test_containers_fail_over_and_leave_nothing(containers: Engine) -> None:
    """All topologies at once in containers: a failover watched, an old primary that follows, a promotion, a reset."""

    def roles(topology: Any) -> dict[str, str]:
        return {one.name: one.role for one in topology.status()}

    def node(topology: Any, name: str) -> NodeStatus:
        return next(one for one in topology.status() if one.name == name)

    with Composed("sentinel") as sentinel, Composed("cluster") as cluster, Composed("redlock") as redlock:
        until(lambda: set(roles(redlock).values()) == {"primary"})
        until(
            lambda: sum(b - a + 1 for one in cluster.status() for a, b in one.slots if one.role == "primary") == 16384
        )
        panel = TopologyPanel(sentinel)
        asyncio.run(written(sentinel, cluster))
        panel.do("kill", "primary")
        until(lambda: "primary" in [role for name, role in roles(sentinel).items() if name != "primary"])
        panel.do("restart", "primary")
        until(lambda: (node(sentinel, "primary").role, node(sentinel, "primary").link) == ("replica", "up"))
        panel.do("promote", "primary")
        assert "you promoted primary" in panel.face.told.value
        until(lambda: roles(sentinel) | {"replica1": "replica", "replica2": "replica"} == roles(sentinel))
        panel.do("partition", "primary")
        until(lambda: "primary" in [role for name, role in roles(sentinel).items() if name != "primary"])
        until(lambda: (node(sentinel, "primary").state, node(sentinel, "primary").role) == ("cut off", "primary"))
        panel.do("heal", "primary")
        until(lambda: (node(sentinel, "primary").role, node(sentinel, "primary").link) == ("replica", "up"))
        asyncio.run(written(sentinel, cluster))
        assert cluster.reshard(20, "node1", "node3") == 20
        cluster.promote("node4")
        until(lambda: node(cluster, "node1").role == "replica")
        cluster.partition("node4")
        until(lambda: node(cluster, "node1").role == "primary")
        cluster.heal()
        until(lambda: (node(cluster, "node4").role, node(cluster, "node4").link) == ("replica", "up"))
        cluster.pause("node2")
        assert node(cluster, "node2").state == "paused"
        redlock.kill("redlock3")
        assert node(redlock, "redlock3").state == "down"
        redlock.reset()
        until(lambda: node(redlock, "redlock3").state == "up")
