"""What a kernel in a browser does at its start. It runs there only.

JupyterLab's own kernels tell a cell's id and the notebook's file; Pyodide's has both, and this says where. There are
no threads and no processes, so a coroutine runs to its end on the loop that runs already.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from course_lib import notebook

PROGRESS = "/drive/notebooks/progress.txt"
"""On the drive of JupyterLite, which the browser keeps: no package named ipykernel tells that this is a kernel."""


def load_ipython_extension(shell: Any) -> None:
    """Settle the course in this shell."""
    os.environ.setdefault("COURSE_PROGRESS", PROGRESS)
    sys.path.append("")  # the notebook's folder, where a learner's own modules are; to look into it takes its time
    shell.Completer.use_jedi = False
    shell.get_parent = lambda: getattr(shell.kernel, "_parent_header", None) or {}
    shell.events.register("pre_run_cell", _say_which_notebook)
    notebook.load_ipython_extension(shell)
    setattr(type(asyncio.get_event_loop()), "create_connection", _refused)  # noqa: B010  # whatever loop it is


async def _refused(*_: Any, **__: Any) -> Any:
    """Nobody listens anywhere: what a client meets that is told of a server."""
    raise ConnectionRefusedError("a browser opens no connection to a server")


def _say_which_notebook(ran: Any) -> None:
    """The notebook that has this cell with this source, of those in this folder: many have a cell with the same id.

    To read one takes its time, so the one comes first whose number stands in the cell, as in `begin("03")`.
    """
    cell = notebook.running()
    if not cell or "JPY_SESSION_NAME" in os.environ:
        return
    for path in sorted(Path.cwd().glob("*.ipynb"), key=lambda path: path.name[:2] not in ran.raw_cell):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        if any(one.get("id") == cell and "".join(one["source"]).strip() == ran.raw_cell.strip() for one in cells):
            os.environ["JPY_SESSION_NAME"] = str(path)
            return
