"""pyproject.toml, requirements.lock, environment.yml and postBuild describe one environment, and this is it."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from course_lib import bootstrap

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK_TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
NEEDED = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["grader"]]
DECLARED = [*NEEDED, *PROJECT["dependency-groups"]["dev"]]  # peers live elsewhere

OWN = {
    "course_lib",
    *(path.stem for path in (ROOT / "tests").iterdir() if path.is_dir() or path.suffix == ".py"),
}  # ours
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}


def pins(text: str) -> dict[str, list[tuple[Requirement, int]]]:
    """Each locked package, by name: its pins (there may be one for each range of Python) with the number of hashes."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        requirement = Requirement(block.partition("\\")[0].strip())
        found.setdefault(canonicalize_name(requirement.name), []).append((requirement, block.count("--hash=sha256:")))
    return found


LOCK = pins(LOCK_TEXT)


def applicable(name: str, python: str, platform: str) -> list[Requirement]:
    """The pins of `name` that apply to that Python on that platform."""
    machine = {**PLATFORMS[platform], "python_version": python, "python_full_version": f"{python}.9"}
    return [pin for pin, _ in LOCK.get(name, []) if pin.marker is None or pin.marker.evaluate(machine)]


def pinned_version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


def test_conda_brings_python_and_pip_and_the_lock_brings_the_rest() -> None:
    assert set(CONDA) == {"name", "channels", "dependencies"}
    assert CONDA["channels"] == ["conda-forge"]
    python, *rest = CONDA["dependencies"]
    assert rest == ["pip", {"pip": ["-r requirements.lock"]}]
    assert re.fullmatch(r"python=3\.\d+", python), "Binder reads one minor version, written with one ="


def test_every_file_means_the_same_pythons() -> None:
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(30) if supported.contains(f"3.{minor}.0")]
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert minors == PYTHONS
    assert [bootstrap.OLDEST, bootstrap.NEWEST] == [(3, 11), (3, 14)]
    assert CONDA["dependencies"][0].removeprefix("python=") in minors
    assert workflow["jobs"]["linux"]["strategy"]["matrix"]["python"] == minors


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_every_declared_requirement(python: str, platform: str) -> None:
    """For each Python and platform exactly one pin applies, and the declared range contains it."""
    machine = {**PLATFORMS[platform], "python_version": python, "python_full_version": f"{python}.9"}
    for requirement in map(Requirement, DECLARED):
        chosen = applicable(canonicalize_name(requirement.name), python, platform)
        if requirement.marker is not None and not requirement.marker.evaluate(machine):
            assert chosen == [], f"{requirement.name} is not wanted there"
        else:
            assert len(chosen) == 1, f"{requirement.name}: {chosen}"
            assert requirement.specifier.contains(pinned_version(chosen[0])), f"{requirement} against {chosen[0]}"


def test_every_pin_is_exact_and_hashed() -> None:
    assert len(LOCK) > 50
    for pin, hashes in itertools.chain(*LOCK.values()):
        assert pinned_version(pin)
        assert hashes > 0, f"{pin} has no hash"


def test_an_unhashed_pin_would_be_seen() -> None:
    """The control of the test above: the same reading of a lock, one of whose pins lacks a hash."""
    assert [hashes for _, hashes in itertools.chain(*pins("a==1 \\\n    --hash=sha256:00\nb==2\n").values())] == [1, 0]


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK_TEXT


def test_what_is_installed_is_what_is_locked() -> None:
    for pin, _ in itertools.chain(*LOCK.values()):
        if pin.marker is None or pin.marker.evaluate():
            assert version(pin.name) == pinned_version(pin)


@pytest.mark.parametrize(
    ("folder", "declared"), [("course_lib", NEEDED), ("course_lib/website", DECLARED), ("tests", DECLARED)]
)
def test_what_is_imported_is_declared(folder: str, declared: list[str]) -> None:
    """No import leans on what another package happens to bring; course_lib needs nothing of the test tools."""
    names = {canonicalize_name(Requirement(text).name) for text in declared}
    brings = packages_distributions()
    known = {module for module, by in brings.items() if names & set(map(canonicalize_name, by))}
    known |= {"_typeshed"}  # no package, but a name that type checkers alone know; at run time its import fails
    elsewhere = {*(ROOT / "tests/peers/scripts").glob("*.py"), ROOT / "course_lib/website/conf.py"}
    if folder == "course_lib":  # what writes the site is for those who work on the course
        elsewhere |= set((ROOT / "course_lib/website").glob("*.py"))
    if folder == "course_lib":  # and what stands in a browser for packages that cannot be had there
        elsewhere |= set((ROOT / "course_lib/lite").rglob("*.py"))
    for path in {*(ROOT / folder).rglob("*.py")} - elsewhere:  # those run in environments of their own
        assert imported(path) - known - OWN - set(sys.stdlib_module_names) == set(), f"{path}: not in pyproject.toml"


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports by an absolute name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_is_complete(python: str, platform: str) -> None:
    """Whatever an installed package requires on that Python and platform has a pin there; here, an installed version
    that it accepts."""
    extras = {canonicalize_name(r.name): r.extras for r in map(Requirement, DECLARED)}
    machine = {**PLATFORMS[platform], "python_version": python, "python_full_version": f"{python}.9"}
    for name, entries in LOCK.items():
        here = any(pin.marker is None or pin.marker.evaluate() for pin, _ in entries)
        if not here or not applicable(name, python, platform):
            continue
        for needed in map(Requirement, requires(name) or []):
            chosen = ("", *extras.get(name, ()))
            if needed.marker is None or any(needed.marker.evaluate({**machine, "extra": extra}) for extra in chosen):
                assert applicable(canonicalize_name(needed.name), python, platform), f"{name} requires {needed}"
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in chosen):
                assert needed.specifier.contains(version(needed.name), prereleases=True), f"{name} requires {needed}"


def test_the_lock_of_uv_stays_out_of_git() -> None:
    """uv.lock names the host that each package came from."""
    assert "uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(os.name != "posix", reason="postBuild is a shell script, for Linux images")
def test_after_post_build_every_notebook_imports_course_lib(tmp_path: Path) -> None:
    """Binder has environment.yml and postBuild only. The control: before postBuild the import fails."""
    venv.create(tmp_path / "env", with_pip=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    env = {"PATH": f"{tmp_path / 'env/bin'}{os.pathsep}{os.defpath}"}

    def imports() -> bool:
        done = subprocess.run(
            ["python", "-c", "import course_lib"], cwd=folder, env=env, capture_output=True, check=False
        )
        return done.returncode == 0

    assert not imports()
    subprocess.run([ROOT / "postBuild"], cwd=ROOT, env=env, check=True)
    assert imports()
    assert (tmp_path / "env/share/jupyter/lab/settings/overrides.json").is_file()


def test_this_environment_imports_course_lib_from_any_folder(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", "import course_lib"], cwd=tmp_path, check=True)


# -- what is cited ----------------------------------------------------------------------------------------------------


def test_the_version_is_the_same_wherever_it_stands() -> None:
    """And that of the next release is at the head of the changes."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released = PROJECT["project"]["version"]
    assert cited["version"] == released
    assert " AND ".join(cited["license"]) == PROJECT["project"]["license"]
    newest, rest = re.findall(r"^## (\S+?),? (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[0]
    assert newest == released or rest == "not yet released"


def test_the_citation_follows_its_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    done = subprocess.run([*check, ROOT / "CITATION.cff"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
