"""COURSE_STRICT: in CI a skipped test has failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import conftest
import pytest

from course_lib.servers import Found

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPS = """
import pytest
def test_at_run_time(): pytest.skip("no browser")
@pytest.mark.skip(reason="not today")
def test_by_mark(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_expected_failure(): assert False
def test_permitted(): pytest.skip("COURSE_SLOW is not set")
def test_passes(): pass
"""
SHAKY = """
import pathlib
def test_at_the_second_try():
    tried = pathlib.Path(__file__).with_suffix(".tried")
    before, _ = tried.exists(), tried.touch()
    assert before, "the machine was busy"
"""
WHOLE_MODULE = "import pytest\npytest.importorskip('there_is_no_such_module')\ndef test_nothing(): pass\n"


def outcome(
    folder: Path, source: str, *more: str, strict: bool = False, file: str = "test_skips.py"
) -> tuple[int, str]:
    """Run pytest on `source` in a folder of its own; its exit code and its output."""
    shutil.copy(CONFTEST, folder)
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(source)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "PYTEST_"))}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-c", os.devnull, *more]
    done = subprocess.run(
        [*command, "--rootdir", folder, folder],
        env={**env, "COURSE_STRICT": "1"} if strict else env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_skip_fails_in_ci_unless_its_reason_is_permitted(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, SKIPS, strict=True)
    assert code == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in said  # a skip by mark fails in the set-up: an error
    assert "COURSE_STRICT does not allow: no browser" in said
    assert "COURSE_STRICT does not allow: not today" in said


def test_a_module_that_skips_itself_fails_in_ci(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, WHOLE_MODULE, strict=True)
    assert code != 0
    assert "there_is_no_such_module" in said
    assert "1 error" in said


@pytest.mark.parametrize(("source", "expected"), [(SKIPS, 0), (WHOLE_MODULE, 5)])
def test_a_learner_may_skip(tmp_path: Path, source: str, expected: int) -> None:
    """The control: without COURSE_STRICT the same tests do not fail (5 is pytest's "nothing was collected")."""
    assert outcome(tmp_path, source, strict=False)[0] == expected


@pytest.mark.parametrize(
    ("file", "code"),
    [("browser/test_page.py", 0), ("test_locks_real.py", 0), ("test_locks.py", 1), ("test_unrealistic.py", 1)],
)
def test_only_a_test_of_real_processes_has_a_second_try_and_what_it_met_is_told(
    tmp_path: Path, file: str, code: int
) -> None:
    told = "--rerun-show-tracebacks"
    got, said = outcome(tmp_path, SHAKY, "-p", "pytest_rerunfailures", told, file=file)
    assert got == code
    assert "the machine was busy" in said
    assert ("1 passed, 1 rerun" in said) == (code == 0)
    never = SHAKY.replace("assert before", "assert False")
    assert outcome(tmp_path, never, "-p", "pytest_rerunfailures", file=file)[0] == 1


def test_of_the_servers_a_test_takes_one_and_all_tests_together_take_each() -> None:
    class Case:
        def __init__(self, test: str, found: Found) -> None:
            self.nodeid, self.found, self.marks = f"{test}[{found.flavor} {found.version}]", found, list[str]()
            self.callspec = SimpleNamespace(params={"found": found})
            self.add_marker = self.marks.append

    kinds = (("Redis", "7.0.15"), ("Redis", "8.0.2"), ("Valkey", "9.1.2"))
    servers = [Found(Path(name), name, version, "by name") for name, version in kinds]
    cases = [Case(f"test_{number}", found) for number in range(20) for found in servers]
    conftest._deal_servers(cases)
    kept = [case for case in cases if not case.marks]
    assert [case.nodeid.split("[")[0] for case in kept] == [f"test_{number}" for number in range(20)]
    assert {case.found for case in kept} == set(servers)
