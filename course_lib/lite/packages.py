"""What the browser's Python can import: the packages of this environment, as wheels that Pyodide loads itself.

The versions are those of the lock, as they are what is installed here. What no lesson imports stays out: a visitor
fetches all of this before the first cell runs. All of them are pure Python.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.bootstrap import ROOT
from course_lib.lite.byte_code import LIBRARY, SITE_PACKAGES, added, compiled, replaced

STDLIB, ANY = "python_stdlib.zip", "-py3-none-any.whl"
HERE = f"{SITE_PACKAGES}/course_lib/lite"
ENVIRONMENT = {"IPYTHONDIR": f"{HERE}/shim/ipython", "PYTHONPATH": f"{HERE}/shim", "PYTHONSAFEPATH": "1"}
"""Python's own variables in the browser. By the last, IPython leaves the places for imports as `shim/piplite` made
them."""

NEEDED = ("redis", "fakeredis", "ipywidgets", "anywidget", "ipython", "tqdm", "packaging", "comm", "typing_extensions")
"""What the course and its kernel import; what these need comes with them."""
BROWSER = {"python_version": "3.14", "python_full_version": "3.14.2", "sys_platform": "emscripten", "os_name": "posix",
           "platform_system": "Emscripten", "implementation_name": "cpython", "extra": ""}  # fmt: skip
LEFT_OUT = ("jedi", "pexpect", "widgetsnbextension", "jupyterlab-widgets", "psutil", "prompt-toolkit")
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
READ = ("redis_course", "redis")
"""Whose lines a traceback shows: of these the sources come along. Of all others, byte code alone."""
ABSENT = ("micropip", "piplite", "jedi")
"""What a kernel would fetch at its start. It is told that they are there: `shim/piplite` stands for the first two."""

COURSE = ("*.py", "*.toml", "*.js", "*.css", "*.wasm")
NOT_OF_THE_COURSE = [
    *("course_lib/website/*", "course_lib/lite/[!ks_]*", "course_lib/grading/batch/*", "course_lib/grading/sandbox/*"),
    *("course_lib/lessons/topologies/*", "course_lib/lessons/capstone/*", "course_lib/stage/*", "*/__pycache__/*"),
    *(f"course_lib/{name}.py" for name in ("bootstrap", "groups", "reference", "slides")),
    *("course_lib/lite/__main__.py", "course_lib/grading/__main__.py", "course_lib/grading/make_exercises.py"),
]


def wheels(folder: Path, pyodide: Path, lite: Path, lua: Path) -> list[str]:
    """Write all wheels into a folder, and Python's standard library; returns the wheels' names.

    `lite` is the extension of JupyterLite that brings kernels, `lua` the WebAssembly of Lua. Raises: Missing.
    """
    files: dict[str, Mapping[str, bytes]] = {}
    for name in needed(NEEDED):
        found = distribution(name)
        files[f"{name.replace('-', '_')}-{found.version}"] = _files(found, OUT.get(name, []))
    files |= {f"{name}-0": {} for name in ABSENT}
    files["redis_course-1"] = dict(_course(lua))
    for name in ("pyodide_kernel", "ipykernel"):
        (wheel,) = (lite / "static" / "pypi").glob(f"{name}-*.whl")
        files["-".join(wheel.name.split("-")[:2])] = _inside(wheel)
    whole = {name: text for wheel in files.values() for name, text in wheel.items()}
    modules = ["tarfile", "pyodide_kernel", *_modules(files["redis_course-1"])]  # the first opens these wheels
    code = compiled(pyodide, whole, modules, ENVIRONMENT)
    _zipped(folder / STDLIB, replaced(_inside(pyodide / STDLIB), code, LIBRARY))
    for name, own in files.items():
        held = added if name.startswith(READ) else replaced
        _wheel(folder, name, held(own, code, SITE_PACKAGES))
    return [f"{name}{ANY}" for name in files]


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


def _modules(files: Iterable[str]) -> list[str]:
    """The names of the course's modules, but of those that stand for another package's."""
    names = [file.removesuffix(".py").removesuffix("/__init__") for file in files if file.endswith(".py")]
    return [name.replace("/", ".") for name in names if "/shim/" not in name]


def _inside(archive: Path) -> dict[str, bytes]:
    """The files of an archive, by name."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def _wheel(folder: Path, title: str, files: Mapping[str, bytes]) -> None:
    """A wheel, with what each must have where the files bring none."""
    name, version = title.split("-")
    info = f"{title}.dist-info"
    whole = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: course\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if any(path.endswith("METADATA") for path in files):
        del whole[f"{info}/METADATA"]
    whole |= {path: text for path, text in files.items() if not path.endswith("/RECORD")}
    record = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    _zipped(folder / f"{title}{ANY}", {**whole, f"{info}/RECORD": record.encode()})


def _zipped(archive: Path, files: Mapping[str, bytes]) -> None:
    """An archive whose bytes depend on the files alone, so that a browser need not fetch again what has not changed."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, text)
