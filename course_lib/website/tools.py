"""What builds the site, and is not a part of the course: environments beside `.venv`'s own packages, and npm packages.

Sphinx and its themes want versions of their own, and only who builds a site needs them: so each group of
`pyproject.toml` has an environment in `.venv`, like the peers. What is there and up to date is left alone.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

from course_lib.bootstrap import ROOT, find_uv

FOLDER = ROOT / ".venv"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


class Missing(Exception):
    """A sentence: which tool cannot be had here, and what its maker says."""


def environment(group: str) -> Path:
    """The Python of a group's environment, which is built if it is missing or out of date. Raises: Missing."""
    pins: list[str] = PROJECT["dependency-groups"][group]
    folder, uv = FOLDER / group, find_uv()
    python = folder / "bin" / "python"
    stamp = hashlib.sha256("\n".join([sys.version, str(ROOT), *pins]).encode()).hexdigest()
    if (folder / "site.stamp").is_file() and (folder / "site.stamp").read_text() == stamp:
        return python
    print(f"Building .venv/{group}.", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    if uv:
        _run(uv, "venv", "-q", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "-q", "--python", str(python), *pins)
    else:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", *pins)
    (folder / "site.stamp").write_text(stamp)
    return python


def package(name: str) -> Path:
    """The folder of an npm package, fetched once and refused if it is not the one that was pinned. Raises: Missing.

    The package alone, without what it depends on: each of them is a bundle that a page can load.
    """
    version, integrity = PROJECT["tool"]["course"]["npm"][name]
    folder = FOLDER / "npm" / f"{name.replace('/', '+')}@{version}"
    if folder.exists():
        return folder
    if (npm := shutil.which("npm")) is None:
        raise Missing("npm is missing: it fetches the scripts that pages load. It comes with Node.js.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    where = str(folder.parent)
    packed = _run(npm, "pack", f"{name}@{version}", "--silent", "--ignore-scripts", "--pack-destination", where)
    archive = folder.parent / packed.split()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        archive.unlink()
        raise Missing(f"{name} {version} is not the package that was pinned: {found} in place of {integrity}.")
    with tarfile.open(archive) as opened:
        opened.extractall(folder.with_suffix(".part"), filter="data")
    (folder.with_suffix(".part") / "package").rename(folder)
    shutil.rmtree(folder.with_suffix(".part"))
    archive.unlink()
    return folder


def _run(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n    ".join(done.stderr.splitlines()[-6:])
        raise Missing(f"{' '.join(Path(command[0]).name.split() + list(command[1:3]))} failed:\n    {last}")
    return done.stdout
