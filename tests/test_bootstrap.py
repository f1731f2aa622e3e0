"""bootstrap.py builds .venv, repairs it, and turns what can go wrong into a sentence.

Each test works on a copy of two files, in a folder whose name has a space and a letter outside ASCII. Its lock pins one
tiny package that is found beside it, so that a whole build, with a real pip or uv, needs no network.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib import bootstrap

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "course_lib" / "bootstrap.py"
BUILDERS = ["pip", "uv"] if bootstrap.find_uv() else ["pip"]
OLD_PYTHONS = [f"3.{minor}" for minor in range(6, 11)]


class Clone:
    """A copy of the course's set-up files, to be bootstrapped with a chosen PATH and environment."""

    def __init__(self, folder: Path, builder: str) -> None:
        self.root = folder / "my coursé"
        self.venv = self.root / ".venv"
        (self.root / "course_lib").mkdir(parents=True)
        shutil.copy(SOURCE, self.root / "course_lib")
        (self.root / "course_lib" / "__init__.py").touch()
        tools = folder / "tools"
        tools.mkdir()
        self.builder = builder
        wheels = folder / "wheels"
        wheels.mkdir()
        self.wheel = write_wheel(wheels)
        self.lock(hashlib.sha256(self.wheel.read_bytes()).hexdigest())
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV"))}
        self.env = {
            **kept,
            "PATH": os.environ["PATH"] if builder == "uv" else str(tools),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(wheels),
            "UV_CACHE_DIR": str(folder / "uv cache"),
        }

    def lock(self, digest: str) -> None:
        text = f"tiny==1.0 \\\n    --hash=sha256:{digest}\n"
        (self.root / "requirements.lock").write_text(text, encoding="utf-8")

    def start(self, python: str | Path = sys.executable) -> subprocess.Popen[str]:
        command = [python, "-I", self.root / "course_lib" / "bootstrap.py"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=self.env, encoding="utf-8", stdin=subprocess.DEVNULL, **pipes)

    def bootstrap(self, python: str | Path = sys.executable) -> tuple[int, str]:
        """Run it to the end; its exit code and what it said."""
        process = self.start(python)
        said, _ = process.communicate()
        return process.returncode, said

    @contextlib.contextmanager
    def without_network(self) -> Iterator[None]:
        """Point pip and uv at a port that is taken but on which nobody listens."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
            for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_NO_INDEX", "UV_FIND_LINKS"):
                del self.env[name]
            self.env |= {"PIP_INDEX_URL": index, "PIP_RETRIES": "1", "UV_DEFAULT_INDEX": index}
            self.env["UV_HTTP_RETRIES"] = "0"
            yield


def write_wheel(folder: Path) -> Path:
    """The smallest package that installs."""
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return wheel


def tool(clone: Clone, name: str, script: str) -> None:
    """Put a program on the clone's PATH."""
    made = Path(clone.env["PATH"]) / name
    made.write_text(script)
    made.chmod(0o755)


def is_sentence(said: str) -> bool:
    """It tells the learner what to do, and shows no traceback."""
    return "Traceback" not in said and "the same command again" in said


@pytest.fixture(params=BUILDERS)
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Clone:
    """For what uv and pip must both do."""
    return Clone(tmp_path, request.param)


# uv's two commands, by the pip that runs these tests: it installs for real, but makes no pip of its own, which is slow.
STAND_IN = f"""#!/bin/sh
case $1 in
--version) echo uv ;;
venv) exec '{sys.executable}' -I -m venv --without-pip "$4" ;;
pip) exec '{sys.executable}' -I -m pip --python "$5" install --require-hashes -r "$6" ;;
esac
"""


@pytest.fixture
def quick_clone(tmp_path: Path) -> Clone:
    """For what does not depend on the builder: uv, or where there is none what stands for it; pip alone takes 4 s."""
    clone = Clone(tmp_path, BUILDERS[-1])
    if clone.builder == "pip" and importlib.util.find_spec("pip"):
        tool(clone, "uv", STAND_IN)
    return clone


@pytest.fixture
def pip_clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path, "pip")


# -- building ---------------------------------------------------------------------------------------------------------


def test_it_builds_once_and_settles_the_course(clone: Clone, tmp_path: Path) -> None:
    """The locked package imports, so does course_lib from any folder, and a second run does nothing."""
    code, said = clone.bootstrap()
    assert code == 0, said
    assert f"Building .venv (about 700 MB) with {clone.builder}" in said
    python = clone.venv / "bin" / "python"
    subprocess.run([python, "-c", "import tiny, course_lib"], cwd=tmp_path, check=True)
    assert "Markdown Preview" in (clone.venv / "share/jupyter/lab/settings/overrides.json").read_text()
    assert clone.bootstrap() == (0, "")


def test_the_kernel_loads_what_the_course_adds_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, however often it is settled; and in a file of its own, as uv links those of its cache into environments."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setattr(bootstrap.sysconfig, "get_paths", lambda: {"purelib": str(tmp_path)})
    kernel = tmp_path / "env" / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    (tmp_path / "cached.json").write_text('{"argv": ["python", "-f", "{connection_file}"], "language": "python"}')
    kernel.hardlink_to(tmp_path / "cached.json")
    for _ in range(2):
        bootstrap.settle()
        assert json.loads(kernel.read_text()) == {
            "argv": ["python", "-f", "{connection_file}", "--ext=course_lib.notebook"],
            "language": "python",
        }
    assert "course_lib" not in (tmp_path / "cached.json").read_text()


def test_it_repairs_what_an_interrupted_build_left(quick_clone: Clone) -> None:
    """No stamp, half a package, a Python that is a dangling link: built afresh, with nothing of the old left."""
    (quick_clone.venv / "bin").mkdir(parents=True)
    (quick_clone.venv / "half a package").touch()
    (quick_clone.venv / "bin" / "python").symlink_to("/nowhere/python")
    assert quick_clone.bootstrap()[0] == 0
    assert not (quick_clone.venv / "half a package").exists()
    subprocess.run([quick_clone.venv / "bin" / "python", "-c", "import tiny"], check=True)


def test_it_rebuilds_for_another_lock_and_in_another_place(quick_clone: Clone) -> None:
    """An environment cannot be moved, so a renamed folder counts as a missing one."""
    quick_clone.bootstrap()
    with (quick_clone.root / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert "Building" in quick_clone.bootstrap()[1]
    moved = quick_clone.root.with_name("moved")
    quick_clone.root = quick_clone.root.rename(moved)
    assert "Building" in quick_clone.bootstrap()[1]
    assert quick_clone.bootstrap() == (0, "")


def test_two_at_once_build_once(quick_clone: Clone) -> None:
    """`make lab` in one terminal and `make test` in another: the second waits and finds the work done."""
    both = [quick_clone.start(), quick_clone.start()]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Building" in text for text in said) == [False, True]


@pytest.mark.skipif(not os.environ.get("COURSE_SLOW"), reason="COURSE_SLOW is not set")
@pytest.mark.parametrize("builder", BUILDERS)
def test_the_real_lock_builds_from_nothing(tmp_path: Path, builder: str) -> None:
    clone = Clone(tmp_path, builder)
    shutil.copy(ROOT / "requirements.lock", clone.root)
    tools = clone.env["PATH"]
    clone.env = {**os.environ, "PATH": tools, "UV_CACHE_DIR": str(tmp_path / "uv cache"), "PIP_NO_CACHE_DIR": "1"}
    code, said = clone.bootstrap()
    assert code == 0, said
    imports = "import jupyterlab, redis, fakeredis, lupa, ipywidgets, anywidget, matplotlib, pytest, course_lib"
    subprocess.run([clone.venv / "bin" / "python", "-c", imports], cwd=tmp_path, check=True)


def test_an_interrupted_build_ends_its_step_and_says_how_to_go_on(pip_clone: Clone) -> None:
    """Control-C reaches bootstrap while a step runs: the step's process is gone when bootstrap is."""
    pid_file = pip_clone.root / "pid"
    endless = f'#!/bin/sh\n[ "$1" = --version ] && echo uv && exit\necho $$ >"{pid_file}"\nexec /bin/sleep 60\n'
    tool(pip_clone, "uv", endless)  # a builder whose first step never ends
    process = pip_clone.start()
    while not (pid_file.exists() and pid_file.read_text().endswith("\n")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert is_sentence(said)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


# -- what can go wrong ------------------------------------------------------------------------------------------------


def test_it_parses_on_python_3_6() -> None:
    """An old Python must meet the sentence, not a SyntaxError. The control: a walrus is refused."""
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse("(a := 1)", feature_version=(3, 6))


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    modules = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    modules |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names


@pytest.mark.parametrize("minor", OLD_PYTHONS)
def test_an_old_python_is_told_which_one_is_needed(pip_clone: Clone, minor: str) -> None:
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{minor}"), *sorted(versions.glob(f"{minor}.*/bin/python{minor}"))]
    working = [python for python in candidates if python and bootstrap.version_of(str(python))]
    if not working:
        pytest.skip("this Python is not installed")
    code, said = pip_clone.bootstrap(working[0])
    assert code == 1
    assert is_sentence(said)
    assert f"found only Python {minor}." in said
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in said


def test_a_python_outside_the_range_looks_for_one_inside(pip_clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """python3 may be too old while python3.N on PATH would do; a python3.N that does not run is passed over."""
    tools = Path(pip_clone.env["PATH"])
    minor = sys.version_info.minor
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    with pytest.raises(bootstrap.Refusal, match=r"found only Python 3\.10\.1"):
        bootstrap.find_python(uv="")
    for other in {11, 12, 13, 14} - {minor}:
        tool(pip_clone, f"python3.{other}", "#!/bin/sh\nexit 127\n")
    (tools / f"python3.{minor}").symlink_to(sys.executable)
    assert bootstrap.find_python(uv="") == str(tools / f"python3.{minor}")


def test_without_a_network_it_says_so(clone: Clone) -> None:
    """The sentence, and beneath it the tool's own last lines; no stamp, so the next run builds (see the repair)."""
    with clone.without_network():
        code, said = clone.bootstrap()
    assert code == 1
    assert is_sentence(said)
    assert "The package index cannot be reached: no network" in said
    assert "tiny" in said.partition("same command again")[2]
    assert not (clone.venv / bootstrap.STAMP.name).exists()


def test_a_package_that_is_not_the_tested_one_is_refused(clone: Clone) -> None:
    clone.lock("0" * 64)
    code, said = clone.bootstrap()
    assert code == 1
    assert is_sentence(said)
    assert "differs from the one that was tested" in said
    assert not (clone.venv / bootstrap.STAMP.name).exists()


def test_debians_python_without_venv_is_told_which_package_to_install(pip_clone: Clone, tmp_path: Path) -> None:
    """Debian splits ensurepip off into python3.N-venv; here a Python is made that lacks it as Debian's does."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "debian"], check=True)
    (site,) = (tmp_path / "debian" / "lib").glob("python*/site-packages")
    (site / "lacks.pth").write_text("import sys; sys.modules['ensurepip'] = None\n")
    code, said = pip_clone.bootstrap(tmp_path / "debian" / "bin" / "python")
    assert code == 1
    assert is_sentence(said)
    assert f"sudo apt install python3.{sys.version_info.minor}-venv" in said


def test_a_place_that_cannot_be_written_is_named(pip_clone: Clone) -> None:
    pip_clone.venv.write_text("a file where the folder should be")
    code, said = pip_clone.bootstrap()
    assert code == 1
    assert is_sentence(said)
    assert str(pip_clone.venv) in said


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device: '/x'", "disk is full"),
        ("error: failed to write\n  cause: No space left on device (os error 28)", "disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "may not be written"),
        ("cause: invalid peer certificate: UnknownIssuer", "certificate"),
        ("ERROR: No matching distribution found for tiny==2.0", "was not found"),
    ],
)
def test_what_the_tools_say_is_translated(said: str, meaning: str) -> None:
    """The messages of pip and uv, as they were seen, and the sentence that stands above them."""
    with pytest.raises(bootstrap.Refusal) as refusal:
        bootstrap.run(sys.executable, "-c", f"import sys; print({said!r}); sys.exit(1)")
    sentence, last_lines = refusal.value.args
    assert meaning in sentence
    assert last_lines == said.splitlines()


def test_to_install_the_folder_is_answered_with_how_the_course_starts(tmp_path: Path) -> None:
    """pip, or uv, asks the back end first what it needs, and shows what that says."""
    for name in ("pyproject.toml", "course_lib/bootstrap.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    installer = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else [bootstrap.find_uv(), "pip"]
    command = [*installer, "install", "--no-index", "--target", str(tmp_path / "there"), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "This is a course, not a package to install: run `make lab` in its folder" in ran.stdout + ran.stderr
