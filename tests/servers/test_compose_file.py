"""docker-compose.yml: what an engine would run, judged without one."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from course_lib.servers.relay.control import SCRIPT
from course_lib.servers.topology import compose_file
from course_lib.servers.topology.compose_file import CONFIG, MOUNTED, Service

from .observing import ROOT

TOPOLOGIES = ("standalone", "sentinel", "cluster", "redlock")


@functools.cache
def described() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(compose_file.COMPOSE.read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, Any]:
    """The services of the topologies; the course itself, in profile lab, is another matter."""
    every = described()["services"].items()
    return {name: body for name, body in every if set(body.get("profiles", ())) & set(TOPOLOGIES)}


def servers() -> list[Service]:
    return [service for profile in TOPOLOGIES for service in compose_file.services(profile)]


def published(body: dict[str, Any]) -> list[str]:
    """Its ports, each variable at its default."""
    return [re.sub(r"\$\{\w+:-(\w+)}", r"\1", str(port)) for port in body.get("ports", ())]


# -- the schema -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed")
def test_it_follows_the_schema_of_compose_files(tmp_path: Path) -> None:
    """And the control: one with a word that is misspelled does not."""
    wrong = copy.deepcopy(described())
    wrong["services"]["primary"]["helthcheck"] = wrong["services"]["primary"].pop("healthcheck")
    control = tmp_path / "control.json"  # every JSON file is a YAML file
    control.write_text(json.dumps(wrong), encoding="utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    files = [str(compose_file.COMPOSE), str(control)]
    done = subprocess.run([*check, *files], capture_output=True, text=True, timeout=120, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "::" in line]
    assert len(complaints) == 1, done.stdout + done.stderr
    assert complaints[0].strip().startswith(f"{control}::$.services.primary")
    assert "helthcheck" in complaints[0]


# -- what is published, mounted and run -------------------------------------------------------------------------------


def test_every_server_is_published_once_on_loopback_only() -> None:
    ports = [port for body in described()["services"].values() for port in published(body)]
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\d+", port) for port in ports)
    here = Counter(int(port.split(":")[1]) for port in ports)
    assert set(here.values()) == {1}
    shared = Counter(int(port.split(":")[1]) for port in published(services()["net"]))
    assert shared == Counter([*(service.port for service in servers()), compose_file.relay_port("sentinel")])
    assert all(port.split(":")[1] == port.split(":")[2] for port in published(services()["net"]))


def test_all_servers_share_one_network_so_an_address_means_the_same_everywhere() -> None:
    others = {name: body for name, body in services().items() if name != "net"}
    assert {body["network_mode"] for body in others.values()} == {"service:net"}
    assert all("net" in body["depends_on"] for body in others.values())


def test_images_are_pinned_and_nothing_runs_as_root() -> None:
    for name, body in services().items():
        assert re.search(r":\d+\.\d+\.\d+(-[\w-]+)?}?$", body["image"]), name
        assert body["user"] not in ("root", "0"), name
        assert body["cap_drop"] == ["ALL"], name
        assert body["security_opt"] == ["no-new-privileges:true"], name


def after(word: str, service: Service) -> str:
    """What follows this word in its command."""
    return service.command[service.command.index(word) + 1]


def test_every_server_is_asked_for_its_health_at_its_own_port() -> None:
    for service in servers():
        own = after("--port", service)
        assert services()[service.name]["healthcheck"]["test"] == ["CMD", "redis-cli", "-p", own, "ping"]


def test_the_relay_leads_to_every_node_that_others_talk_to() -> None:
    """At the port, and the port of the bus, that the node announces; and each says to the relay who it is."""
    orders = []
    for service in [*compose_file.services("sentinel"), *compose_file.services("cluster")]:
        orders.append(f"listen {service.port} {after('--port', service)} {service.port} node")
        assert "relay" in services()[service.name]["depends_on"]
        if service.kind == "sentinel":
            assert after("announce-port", service) == str(service.port)
            assert re.fullmatch(f"{service.port:08d}[0-9a-f]{{32}}", after("myid", service))
        else:
            assert after("--replica-announce-port", service) == str(service.port)
    for service in compose_file.services("cluster"):
        bus = after("--cluster-announce-bus-port", service)
        assert after("--cluster-announce-port", service) == str(service.port)
        assert bus == str(service.port + 10_000)  # as redis-cli, which introduces them, takes for granted
        orders.append(f"listen {bus} {int(after('--port', service)) + 10_000} {service.port} bus")
    relay = services()["relay"]
    assert relay["command"] == ["python", "-IS", "/relay/relay_service.py", "17900", *orders]
    assert {profile: compose_file.relay_port(profile) for profile in TOPOLOGIES} == {
        "standalone": None,
        "sentinel": 17900,
        "cluster": 17900,
        "redlock": None,
    }
    mounted = [volume.split(":") for volume in relay["volumes"]]
    scripts = [SCRIPT, SCRIPT.with_name("relay_service.py")]
    assert [(ROOT / source).resolve() for source, *_ in mounted] == scripts
    assert [(target, mode) for _, target, mode in mounted] == [(f"/relay/{path.name}", "ro") for path in scripts]
    assert all(path.is_file() for path in scripts)


def test_every_file_that_is_mounted_or_named_exists() -> None:
    for service in servers():
        (volume,) = services()[service.name]["volumes"]
        source, target, mode = volume.split(":")
        assert (ROOT / source).resolve() == CONFIG, service.name
        assert (target + "/", mode) == (MOUNTED, "ro"), service.name
    text = "".join(path.read_text(encoding="utf-8") for path in CONFIG.iterdir())
    words = [word for service in servers() for word in service.command]
    named = {name for word in [*words, text] for name in re.findall(f"{MOUNTED}([\\w.]+)", word)}
    assert named == {path.name for path in CONFIG.iterdir()}


def test_every_port_that_a_configuration_names_is_a_server_of_that_profile() -> None:
    here = compose_file.services("sentinel")
    ports = {port for service in here for port in (service.port, int(after("--port", service)))}
    (watched,) = re.findall(r"sentinel monitor course 127\.0\.0\.1 (\d+) 2", (CONFIG / "sentinel.conf").read_text())
    assert int(watched) == compose_file.services("sentinel")[0].port
    for service in compose_file.services("sentinel"):
        assert {int(word) for word in service.command if re.fullmatch(r"\d{5}", word)} <= ports


def test_an_engine_and_we_form_the_same_cluster() -> None:
    """The script that introduces the nodes gives each replica the primary that its label names."""
    ports = {service.name: service.port for service in compose_file.services("cluster")}
    script = services()["cluster-form"]["command"][-1]
    pairs = {tuple(map(int, pair)) for pair in re.findall(r"(\d{5}):(\d{5})", script)}
    labeled = {(s.port, ports[s.replicates]) for s in compose_file.services("cluster") if s.replicates}
    assert pairs == labeled
    created = re.search(r"--cluster create (.*) --cluster-yes", script)
    assert created is not None
    primaries = [f"127.0.0.1:{s.port}" for s in compose_file.services("cluster") if not s.replicates]
    assert created[1].split() == primaries
    assert set(services()["cluster-form"]["depends_on"]) == {"net", "relay", *ports}


@pytest.mark.parametrize(
    ("profile", "kinds"), [("standalone", "d"), ("sentinel", "dddsss"), ("cluster", "d" * 6), ("redlock", "d" * 5)]
)
def test_a_profile_has_its_servers(profile: str, kinds: str) -> None:
    found = compose_file.services(profile)
    assert "".join(service.kind[0] for service in found) == kinds
    assert len({service.port for service in found}) == len(found)
    assert compose_file.profiles() == TOPOLOGIES
