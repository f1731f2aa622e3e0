"""The containers of docker-compose.yml: verbs, engines, the lab; with an engine and COURSE_SLOW, all of it for real."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from course_lib.errors import NoEngine, ServerFailed
from course_lib.servers import Found, NodeStatus, Server, composed
from course_lib.servers.asking import ask
from course_lib.servers.compose import COMPOSE, Service
from course_lib.servers.composed import Composed
from course_lib.servers.engine import Container, Engine, find_engine
from course_lib.widgets.topology_panel import TopologyPanel

from .observing import wait_until

ROOT = Path(__file__).resolve().parents[2]
LAB = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["lab"]


def until(holds: Callable[[], bool]) -> None:
    wait_until(holds, "what the test waits for", within=60.0)


# -- verbs, with processes in place of containers ---------------------------------------------------------------------


class Processes:
    """An engine whose one container is a process of ours: the same commands, obeyed without a container."""

    cli = "processes"

    def __init__(self, found: Found) -> None:
        self.server = Server(found)
        self.port, self.exists, self.commands = self.server.start().port, False, list[str]()
        self.server.kill()

    def containers(self) -> dict[str, Container]:
        made = Container("an-id", "standalone", self.server.is_alive())
        return {"standalone": made} if self.exists else {}

    def composed(self, profiles: list[str], *words: str) -> str:
        assert profiles == ["standalone"]
        self.commands.append(words[0])
        if words[0] == "up":
            self.server.start()
            self.exists = True
        return ""

    def run(self, *words: str, within: float = 0.0) -> str:
        verb, *_, name = words
        assert name == "an-id"
        self.commands.append(" ".join(words[:-1]))
        if verb == "start":
            self.server.start()
        elif verb == "rm":
            self.server.kill()
            self.exists = False
        else:
            assert verb == "kill"
            {"KILL": self.server.kill, "STOP": self.server.pause, "CONT": self.server.resume}[words[2]]()
        return ""


@pytest.fixture
def engine(found: Found, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    made = Processes(found)
    one = Service("standalone", "data", made.port, ("redis-server",))
    monkeypatch.setattr(composed, "services", lambda profile: (one,))
    yield made
    made.server.stop()


def test_the_verbs_do_to_a_container_what_they_do_to_a_process(engine: Processes) -> None:
    """Start, kill, restart, pause, resume and reset, each seen in the status; and stop leaves nothing."""

    def seen() -> tuple[str, str, int | None]:
        (one,) = topology.status()
        return one.state, one.role, one.keys

    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        assert topology.url("standalone") == f"redis://127.0.0.1:{engine.port}/0"
        until(lambda: seen() == ("up", "primary", 0))
        ask(engine.port, "SET", "a", "1")
        topology.kill("standalone")
        topology.kill("standalone")
        assert seen() == ("down", "unknown", None)
        with pytest.raises(ServerFailed, match="standalone is not running: restart it first"):
            topology.pause("standalone")
        topology.restart("standalone")
        until(lambda: seen() == ("up", "primary", 0))
        ask(engine.port, "SET", "a", "1")
        topology.pause("standalone")
        assert seen() == ("paused", "unknown", None)
        topology.resume("standalone")
        until(lambda: seen() == ("up", "primary", 1))
        topology.pause("standalone")
        topology.restart("standalone")
        topology.reset()
        until(lambda: seen() == ("up", "primary", 0))
    assert engine.commands[-2:] == ["rm --force --volumes", "down"]
    assert not engine.server.is_alive()


def test_what_ran_before_is_used_and_left_alone(engine: Processes) -> None:
    engine.composed(["standalone"], "up")
    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        until(lambda: topology.status()[0].state == "up")
    assert engine.commands == ["up"]
    assert engine.server.is_alive()


def test_a_partition_is_refused_with_what_to_do_instead(engine: Processes) -> None:
    """In the panel too, where it is a sentence."""
    with Composed("standalone", engine=engine) as topology:  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"share one network.*Topology\('standalone'\), which has a relay"):
            topology.partition("standalone")
        with pytest.raises(ValueError, match="no server is called 'nobody'; there are: standalone"):
            topology.partition("nobody")
        panel = TopologyPanel(topology)
        panel.do("partition", "standalone")
        assert "Partition standalone did not work: containers of docker-compose.yml" in panel.face.told.value
        panel.do("kill", "standalone")
        assert "you killed standalone" in panel.face.told.value
        assert "standalone: down" in panel.face.picture.value


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
        assert set(roles(redlock).values()) == {"primary"}
        assert sum(b - a + 1 for one in cluster.status() for a, b in one.slots if one.role == "primary") == 16384
        panel = TopologyPanel(sentinel)
        asyncio.run(written(sentinel, cluster))
        panel.do("kill", "primary")
        until(lambda: "primary" in [role for name, role in roles(sentinel).items() if name != "primary"])
        panel.do("restart", "primary")
        until(lambda: (node(sentinel, "primary").role, node(sentinel, "primary").link) == ("replica", "up"))
        panel.do("promote", "primary")
        assert "you promoted primary" in panel.face.told.value
        asyncio.run(written(sentinel, cluster))
        assert cluster.reshard(20, "node1", "node3") == 20
        cluster.promote("node4")
        until(lambda: node(cluster, "node1").role == "replica")
        cluster.pause("node2")
        assert node(cluster, "node2").state == "paused"
        redlock.kill("redlock3")
        assert node(redlock, "redlock3").state == "down"
        redlock.reset()
        assert node(redlock, "redlock3").state == "up"
