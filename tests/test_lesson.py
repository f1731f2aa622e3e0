"""What a learner reads under the first cell of a notebook: in the course's kernel, and in any other."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import sysconfig
import textwrap
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from course_lib import lesson
from course_lib.lesson import WrongKernel, begin, check_versions

ROOT = Path(__file__).resolve().parent.parent
FIRST_CELL = textwrap.dedent(str(lesson.__doc__).partition("\n\n")[2].partition("\n\nIn another")[0])


class Manager(AsyncKernelManager):
    """Starts a kernel in a Python of our choice, whatever kernels this machine knows by name."""

    python = sys.executable

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=[self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python")


def run_first_cell(folder: Path, *, python: str = sys.executable) -> list[nbformat.NotebookNode]:
    """Run the first cell and a second one in a real kernel, as Run All does; their outputs, one after the other."""
    cells = [nbformat.v4.new_code_cell(FIRST_CELL), nbformat.v4.new_code_cell("print('the second cell ran')")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    manager = Manager()
    manager.python = python
    client = NotebookClient(notebook, km=manager, resources={"metadata": {"path": str(folder)}}, timeout=60)
    with contextlib.suppress(CellExecutionError):
        client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in outputs if "text/html" not in output.get("data", {})]  # a style says nothing


@pytest.mark.parametrize("folder", [ROOT / "notebooks", Path("/")], ids=["notebooks", "elsewhere"])
def test_the_courses_kernel_names_lesson_python_and_server(folder: Path) -> None:
    """One line, the same from any folder."""
    first, second = run_first_cell(folder)
    assert first.text.startswith("Lesson 05 · Python 3.")
    assert first.text.count("\n") == 1
    assert "server" in first.text
    assert second.text == "the second cell ran\n"


def test_another_kernel_answers_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that has everything but course_lib: what to do, under each cell, and none of them runs."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True)
    (site,) = (tmp_path / "other" / "lib").glob("python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")  # a .pth found there is not followed
    sentence = "This kernel is not the course's. Close this tab, run `make lab` in the course's folder, and open "
    said = [output.text for output in run_first_cell(tmp_path, python=str(tmp_path / "other" / "bin" / "python"))]
    assert said == [f"{sentence}the lesson from there.\n"] * 2


def test_a_wrong_version_is_named_with_the_one_that_is_wanted() -> None:
    with pytest.raises(WrongKernel) as wrong:
        check_versions(["pytest>=1", "redis>=99,<100; python_version > '3'"])
    sentence = str(wrong.value)
    assert sentence.startswith("The course needs redis>=99,<100, and this kernel has ")
    assert "run `make lab`" in sentence


def test_a_wrong_version_stops_every_later_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """`begin` says it once, and each later cell in its turn."""
    shell = InteractiveShell()
    monkeypatch.setattr("course_lib.notebook.get_ipython", lambda: shell)
    monkeypatch.setattr(lesson, "check_versions", lambda pins: (_ for _ in ()).throw(WrongKernel("Not this one.")))
    with redirect_stdout(io.StringIO()) as said:
        begin("05")
        shell.run_cell("print('ran')")
    assert said.getvalue() == "Not this one.\n" * 2


def test_a_missing_package_is_named() -> None:
    with pytest.raises(WrongKernel, match=r"needs there-is-no-such-package>=1, and this kernel has none"):
        check_versions(["there-is-no-such-package>=1"])


def test_a_package_for_another_platform_is_not_missed() -> None:
    check_versions(["there-is-no-such-package>=1; sys_platform == 'amiga'"])


def test_without_a_server_it_says_what_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line says what still works; the reason and the remedy stand below it."""
    monkeypatch.setenv("COURSE_REDIS", "/nowhere/redis-server")
    begin("05")
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert "no real server" in first
    assert "everything simulated runs" in first
    assert "/nowhere/redis-server" in rest
