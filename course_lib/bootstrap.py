"""Build `.venv` from requirements.lock. `make` runs this first, with whatever `python3` the learner has.

So it imports the standard library only and parses on Python 3.6: an old Python must meet a sentence, no SyntaxError.
Hence no `from __future__ import annotations` (3.7), and quotes round annotations that an old Python cannot evaluate.

    python3 -I course_lib/bootstrap.py          build .venv, unless it is there and up to date
    python -I course_lib/bootstrap.py --here    settle the course in the Python that runs this (conda, Binder)
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import sysconfig
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, CalledProcessError, Popen, check_output
from typing import Iterator, Sequence

if os.name == "posix":
    import fcntl

OLDEST, NEWEST = (3, 11), (3, 14)
ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("bin/python" if os.name == "posix" else "Scripts/python.exe")
STAMP = VENV / "course.stamp"  # written last: an interrupted build has none, and the next run starts over

# JupyterLab's defaults for the course; what the learner sets in JupyterLab's own settings wins over them.
OVERRIDES = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}

EXTENSION = "--ext=course_lib.notebook"  # what the environment's kernel loads when it starts

AGAIN = "Then run the same command again."
# What the output of uv or pip means: the first pattern that is found in it counts.
REASONS = {
    "No space left on device|os error 28": "The disk is full: free 700 MB. " + AGAIN,
    "Permission denied|os error 13": "A file or folder may not be written; its name is below. " + AGAIN,
    "CERTIFICATE_VERIFY_FAILED|invalid peer certificate": "The package index shows a certificate that is not trusted "
    "here, often a company's own: name its file in SSL_CERT_FILE (for uv) or PIP_CERT (for pip). " + AGAIN,
    "error sending request|Failed to fetch|connection broken|Max retries|timed out": "The package index cannot be "
    "reached: no network, or a proxy is missing. Downloads are kept, so running the same command again resumes.",
    "Hash mismatch|DO NOT MATCH THE HASHES": "A downloaded package differs from the one that was tested, and was "
    "refused. Run the same command again; if that does not help, ask whoever runs the package index that you use.",
    "No matching distribution|No solution found|has no wheels|no wheels? with a matching": "A package was not found; "
    "its name is below. Either the package index cannot be reached (then running the same command again resumes), or "
    "it has no such package for this Python and this kind of machine.",
}


class Refusal(Exception):
    """A sentence for the learner, and the last lines of the tool that failed."""


def version_of(python: str) -> str:
    """Another Python's version, as in "3.12"; "" when it does not run, as pyenv's shim of a version that is off."""
    return answer_of(python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def answer_of(*command: str) -> str:
    """What a command prints, or nothing when it fails."""
    try:
        return check_output(command, stdin=DEVNULL, stderr=DEVNULL).decode().strip()
    except (OSError, CalledProcessError):
        return ""


def find_uv() -> str:
    """The uv on PATH, if it runs."""
    uv = shutil.which("uv")
    return uv if uv and answer_of(uv, "--version") else ""


def find_python(uv: str) -> str:
    """The Python that runs this if it will do, else the newest on PATH that does, else one that uv knows of."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    known = (uv, "python", "find", "--no-python-downloads", ">=3.11,<3.15")
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        if found and version_of(found) == "3.%d" % minor:
            return found
    if uv and answer_of(*known):
        return answer_of(*known)
    raise Refusal(
        "The course needs Python 3.11, 3.12, 3.13 or 3.14, and found only Python %d.%d.%d (%s): get one from your "
        "package manager, python.org or `uv python install 3.13`, and run the same command again."
        % (*sys.version_info[:3], sys.executable)
    )


def expected_stamp() -> str:
    """The stamp of a finished environment: the lock, the place (an environment cannot be moved), and this file."""
    parts = (LOCK.read_bytes(), str(ROOT).encode("utf-8", "surrogateescape"), Path(__file__).read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_built() -> bool:
    """Whether `.venv` was finished from this lock in this place, and its Python is still there."""
    return STAMP.is_file() and STAMP.read_text() == expected_stamp() and VENV_PYTHON.exists()


def build() -> None:
    """Make `.venv` afresh; the caches of uv and pip keep what an interrupted build has downloaded."""
    uv = find_uv()
    python = find_python(uv)
    if not uv and not answer_of(python, "-I", "-c", "import ensurepip, venv; print('ok')"):
        version = version_of(python)
        raise Refusal(
            "Python %s (%s) cannot make environments, because its module venv is missing: on Debian and Ubuntu, "
            "`sudo apt install python%s-venv`. %s" % (version, python, version, AGAIN)
        )
    say("Building .venv (about 700 MB) with %s and %s: a minute or so." % ("uv" if uv else "pip", python))
    if VENV.exists():
        shutil.rmtree(str(VENV))
    if uv:
        run(uv, "venv", "--python", python, str(VENV))
        run(uv, "pip", "sync", "--require-hashes", "--python", str(VENV_PYTHON), str(LOCK))
    else:
        run(python, "-I", "-m", "venv", str(VENV))
        run(str(VENV_PYTHON), "-I", "-m", "pip", "install", "--require-hashes", "-r", str(LOCK))
    run(str(VENV_PYTHON), "-I", str(Path(__file__).resolve()), "--here")
    STAMP.write_text(expected_stamp())
    say("Done.")


def settle() -> None:
    """Let this Python import course_lib from any folder, and give JupyterLab the course's defaults and its kernel."""
    Path(sysconfig.get_paths()["purelib"], "redis_course.pth").write_text(str(ROOT) + "\n", encoding="utf-8")
    overrides = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    overrides.parent.mkdir(parents=True, exist_ok=True)
    present = json.loads(overrides.read_text(encoding="utf-8")) if overrides.exists() else {}
    overrides.write_text(json.dumps(dict(present, **OVERRIDES), indent=2) + "\n", encoding="utf-8")
    kernel = Path(sys.prefix, "share", "jupyter", "kernels", "python3", "kernel.json")
    if kernel.exists():
        spec = json.loads(kernel.read_text(encoding="utf-8"))
        argv = [argument for argument in spec["argv"] if argument != EXTENSION] + [EXTENSION]
        kernel.unlink()  # it can be a link into uv's cache, whose file is not ours to change
        kernel.write_text(json.dumps(dict(spec, argv=argv), indent=1) + "\n", encoding="utf-8")


def started(command: "Sequence[str]") -> "Popen[bytes]":
    """Its process. Who interrupts while it is made interrupts it, too: else it would go on, and nobody know of it."""
    interrupts = []
    before = signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    try:
        process = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        process.terminate()
        process.wait()
        raise KeyboardInterrupt
    return process


def run(*command: str) -> None:
    """One step of the build. Its latest line shows on a terminal; a failure is a sentence, then the last lines."""
    lines = []
    with started(command) as process:
        try:
            for raw in process.stdout or ():
                lines.append(raw.decode("utf-8", "replace").rstrip())
                if sys.stderr.isatty():
                    sys.stderr.write("\r\033[K%s\r" % lines[-1].strip()[: shutil.get_terminal_size().columns - 1])
        except KeyboardInterrupt:
            process.terminate()
            raise
    if process.returncode:
        sentences = (sentence for signs, sentence in REASONS.items() if re.search(signs, "\n".join(lines)))
        telling = [line for line in lines if line and not line.startswith("Ignoring ")]  # pip's remarks on markers
        raise Refusal(next(sentences, "A step of the build failed; its last lines are below."), telling[-8:])


@contextlib.contextmanager
def one_at_a_time() -> "Iterator[None]":
    """Two terminals may build at once: the second waits, then finds the work done. A dead process holds no lock."""
    with LOCK.open() as handle:
        if os.name == "posix":
            with contextlib.suppress(OSError):  # some network file systems cannot lock: then each builds for itself
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def say(sentence: str) -> None:
    """To standard error, because standard output belongs to what `make` runs next."""
    print("\r\033[K" * sys.stderr.isatty() + sentence, file=sys.stderr, flush=True)


def main() -> int:
    """Exit codes: 0 ready, 1 refused with a sentence, 130 interrupted."""
    try:
        if "--here" in sys.argv[1:]:
            settle()
        elif not is_built():
            with one_at_a_time():
                if not is_built():
                    build()
    except Refusal as refusal:
        say("\n" + refusal.args[0])
        for line in refusal.args[1] if len(refusal.args) > 1 else ():
            say("    " + line)
        return 1
    except OSError as error:
        say("\nThe environment could not be built: %s. Mend that, and run the same command again." % error)
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. What has been downloaded is kept, so running the same command again resumes.")
        return 130
    return 0


def not_a_package(*_: object) -> None:
    """What pip and uv ask first when somebody wants to install this folder, by each of the names that they know."""
    sys.exit("This is a course, not a package to install: run `make lab` in its folder, and it opens in your browser.")


get_requires_for_build_wheel = get_requires_for_build_editable = get_requires_for_build_sdist = not_a_package
build_wheel = build_editable = build_sdist = not_a_package


if __name__ == "__main__":
    sys.exit(main())
