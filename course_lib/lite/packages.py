"""What the browser's Python can import: the packages of this environment, as wheels that Pyodide loads itself.

The versions are those of the lock, as they are what is installed here. What no lesson imports stays out: a visitor
fetches all of this before the first cell runs. Nothing is compiled: all of them are pure Python.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.bootstrap import ROOT

SITE_PACKAGES = "/lib/python3.14/site-packages"

NEEDED = ("redis", "fakeredis", "ipywidgets", "anywidget", "ipython", "tqdm", "packaging", "comm", "typing_extensions")
"""What the course and its kernel import; what these need comes with them."""
BROWSER = {"python_version": "3.14", "python_full_version": "3.14.2", "sys_platform": "emscripten", "os_name": "posix",
           "platform_system": "Emscripten", "implementation_name": "cpython", "extra": ""}  # fmt: skip
LEFT_OUT = ("jedi", "pexpect", "widgetsnbextension", "jupyterlab-widgets", "psutil")
"""For completion, which does without; for terminals; for the page, which has it."""
OUT = {
    "anywidget": ["*/nbextension/*", "*/labextension/*"],
    "ipython": ["*/sphinxext/*"],
    "psygnal": ["*/qt.py"],
    "pygments": ["*/lexers/*"],
    "tqdm": ["*/contrib/*"],
}
"""By package: what no lesson imports."""
LEXERS = ("__init__", "_mapping", "python", "special", "_lua_builtins", "lua", "_builtins")
"""Of Pygments' 300 languages, those in which a traceback is."""
ABSENT = ("micropip", "piplite", "jedi")
"""What a kernel would fetch at its start. It is told that they are there: `shim/piplite` stands for the first two."""

COURSE = ("*.py", "*.toml", "*.js", "*.css", "*.wasm")
NOT_OF_THE_COURSE = [
    *("course_lib/website/*", "course_lib/lite/[!ks_]*", "course_lib/grading/batch/*", "course_lib/grading/sandbox/*"),
    *("course_lib/lessons/topologies/*", "*/__pycache__/*"),
]


def wheels(folder: Path, lite: Path, lua: Path) -> list[str]:
    """Write all wheels into a folder, and the lock file that tells Pyodide of them; returns their names.

    `lite` is the extension of JupyterLite that brings kernels, `lua` the WebAssembly of Lua.
    """
    made = []
    for name in needed(NEEDED):
        found = distribution(name)
        made.append(_written(folder, name.replace("-", "_"), found.version, _files(found, OUT.get(name, []))))
    made += [_written(folder, name, "0", {}) for name in ABSENT]
    made.append(_written(folder, "redis_course", "1", dict(_course(lua))))
    for wheel in ("pyodide_kernel", "ipykernel"):
        (found_wheel,) = (lite / "static" / "pypi").glob(f"{wheel}-*.whl")
        shutil.copy(found_wheel, folder)
        made.append(found_wheel.name)
    return made


def needed(names: Iterable[str]) -> list[str]:
    """These packages, and all that they need in a browser."""
    found: list[str] = []
    ahead = list(names)
    while ahead:
        name = canonicalize_name(ahead.pop())
        if name in found or name in LEFT_OUT:
            continue
        found.append(name)
        for need in map(Requirement, distribution(name).requires or ()):
            if need.marker is None or need.marker.evaluate(BROWSER):
                ahead.append(need.name)
    return sorted(found)


def lock(folder: Path, info: Mapping[str, Any], made: list[str]) -> list[str]:
    """Write pyodide-lock.json for the wheels; returns the names by which Pyodide loads them."""
    packages = {}
    for file in made:
        name, version = file.split("-")[:2]
        name = name.replace("_", "-")
        packages[name] = {
            "name": name,
            "version": version,
            "file_name": file,
            "install_dir": "site",
            "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest(),
            "package_type": "package",
            "imports": [],
            "depends": [],
            "unvendored_tests": False,
        }
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": info, "packages": packages}), encoding="utf-8")
    return list(packages)


def _files(found: Distribution, out: list[str]) -> dict[str, bytes]:
    """By name in the wheel: the package's files that an import may need, and its metadata."""
    kept = {}
    for file in found.files or ():
        name = file.as_posix()
        wanted = name.endswith((".py", ".json", ".css", ".js", "METADATA")) and not name.startswith("..")
        lexer = name.startswith("pygments/lexers/") and file.stem in LEXERS
        if wanted and (lexer or not any(fnmatch.fnmatch(name, pattern) for pattern in out)):
            kept[name] = Path(str(found.locate_file(file))).read_bytes()
    return kept


def _course(lua: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((ROOT / "course_lib").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        out = any(fnmatch.fnmatch(name, pattern) for pattern in NOT_OF_THE_COURSE)
        if path.is_file() and not out and any(path.match(pattern) for pattern in COURSE):
            yield name, path.read_bytes()
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):  # `solution()` shows one after its check has passed
        yield f"solutions/{path.name}", path.read_bytes()
    yield "course_lib/lite/shim/lua51.wasm", lua.read_bytes()


def _written(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> str:
    """A wheel whose bytes depend on the files alone, so that a browser need not fetch again what has not changed."""
    title = f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needed = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: course\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    needed = {
        path: text for path, text in needed.items() if not any(p.endswith("METADATA") for p in files) or "WHEEL" in path
    }
    whole = {**needed, **files}
    record = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / title, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, text in {**whole, f"{info}/RECORD": record.encode()}.items():
            entry = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return title
