"""Every lesson with its outputs: run once, and kept until the lesson or the library changes."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from course_lib.bootstrap import ROOT

FOLDER = ROOT / ".artefacts" / "executed"
OPENING = "from course_lib.website.recorded import record\nrecord()"


def executed(notebook: Path) -> Any:
    """The notebook with its outputs and the state of its widgets; from the store, or run now."""
    kept = FOLDER / f"{notebook.stem}-{key(notebook)}.ipynb"
    if not kept.exists():
        print(f"Running {notebook.relative_to(ROOT)}.", file=sys.stderr, flush=True)
        made = run(notebook)
        FOLDER.mkdir(parents=True, exist_ok=True)
        for older in FOLDER.glob(f"{notebook.stem}-*.ipynb"):
            older.unlink()
        nbformat.write(made, kept.with_suffix(".part"))  # type: ignore[no-untyped-call]
        kept.with_suffix(".part").rename(kept)  # whole or not at all
    return nbformat.read(kept, as_version=4)  # type: ignore[no-untyped-call]


def key(notebook: Path) -> str:
    """Changes with the notebook, the locked packages and all of the library but what builds pages from outputs."""
    library = ROOT / "course_lib"
    sources = [path for path in library.rglob("*") if path.suffix in (".py", ".toml", ".js", ".css") and path.is_file()]
    pages = {library / "website", library / "bootstrap.py"}
    counted = sorted(path for path in sources if not pages & {path, *path.parents})
    digest = hashlib.sha256(sys.version.encode())
    for path in [notebook, ROOT / "requirements.lock", library / "website" / "recorded.py", *counted]:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def run(notebook: Path) -> Any:
    """Execute it in a kernel of this Python that knows nothing of the user's own. Raises: CellExecutionError."""
    made = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    made.cells.insert(0, nbformat.v4.new_code_cell(OPENING))  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(notebook.parent)}}
    client = NotebookClient(made, timeout=600, kernel_name="python3", resources=resources)
    client.create_kernel_manager()
    assert client.km is not None
    client.km.kernel_spec.argv[0] = sys.executable  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as place:
        client.execute(env=environment(Path(place)))
    del made.cells[0]
    return made


def environment(place: Path) -> dict[str, str]:
    """Of the kernel: this course, an empty home of IPython and matplotlib, and no record of anybody's progress."""
    own = {"IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib", "JUPYTER_RUNTIME_DIR": "runtime"}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    folders = {name: str(place / folder) for name, folder in own.items()}
    return {**os.environ, **folders, "PYTHONPATH": paths, "COURSE_PROGRESS": "off"}
