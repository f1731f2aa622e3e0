"""Modules as Python leaves them after a first import, so that none is compiled while a visitor waits.

Byte code is of one version of Python, so the browser's own writes it, which runs in Node.js here. It is larger than a
source: only what a lesson imports has any.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from course_lib.website.tools import Missing

SITE_PACKAGES, LIBRARY = "/lib/python3.14/site-packages", "/lib/python314.zip"
COMPILE = Path(__file__).with_name("compile.mjs")


def compiled(
    pyodide: Path, packages: Mapping[str, bytes], modules: Iterable[str], env: Mapping[str, str]
) -> dict[str, bytes]:
    """By the absolute name that a source has in the browser: its byte code, if one of the modules imports it.

    `packages` are the files in SITE_PACKAGES. Raises: Missing.
    """
    if (node := shutil.which("node")) is None:
        raise Missing("Node.js is missing: it runs the browser's Python, which compiles the modules.")
    with TemporaryDirectory() as folder:
        for name, text in packages.items():
            place = Path(folder, "packages", name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        code = Path(folder, "code")
        code.mkdir()
        command = [node, str(COMPILE), str(pyodide), str(Path(folder, "packages")), str(code)]
        # Without the columns that each instruction stands for, which a quarter of the byte code tells.
        given = json.dumps({"modules": list(modules), "at": SITE_PACKAGES, "env": {**env, "PYTHONNODEBUGRANGES": "1"}})
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).splitlines()
            raise Missing("\n    ".join(["The browser's Python could not compile:", *said[-24:]]))
        return {f"/{path.relative_to(code).as_posix()}": path.read_bytes() for path in code.rglob("*.py")}


def replaced(files: Mapping[str, bytes], code: Mapping[str, bytes], root: str) -> dict[str, bytes]:
    """The files below `root` with byte code in place of sources that have any: a traceback shows no line of them."""
    return {f"{name}c" if (own := code.get(f"{root}/{name}")) else name: own or text for name, text in files.items()}


def added(files: Mapping[str, bytes], code: Mapping[str, bytes], root: str) -> dict[str, bytes]:
    """The files below `root` with byte code beside sources that have any, where Python looks for it."""
    both = dict(files)
    for name in files:
        if own := code.get(f"{root}/{name}"):
            place = Path(name)
            both[(place.parent / "__pycache__" / f"{place.stem}.cpython-314.pyc").as_posix()] = own
    return both
