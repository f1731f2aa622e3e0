"""`make lite`: the course as a JupyterLite site in `.artefacts/lite`, which any web server can serve."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from course_lib.bootstrap import OVERRIDES, ROOT
from course_lib.lite import packages
from course_lib.lite.contents import stage
from course_lib.website.tools import Missing, environment, package

SOURCES, LITE = (ROOT / ".artefacts" / name for name in ("lite-sources", "lite"))
EXTENSION = "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension"
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
MOUNTS = re.compile(r"!!\(\(null==(\w+)\?void 0:\1\.enabled\)\|\|crossOriginIsolated\)")
"""Where the extension for kernels asks whether there is a drive."""
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")


def config(loaded: list[str]) -> dict[str, Any]:
    """JupyterLite's own settings: where Python is, what it loads, and that nothing is asked of another host."""
    kernel = {"disablePyPIFallback": True, "loadPyodideOptions": {"packages": loaded, "env": packages.ENVIRONMENT}}
    own = {"appName": "Caching with Redis", "exposeAppInBrowser": True, "litePluginSettings": {KERNEL: kernel}}
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": own}


def sources(extension: Path) -> None:
    """What JupyterLite builds from. `extension` is what brings it kernels."""
    shutil.rmtree(SOURCES, ignore_errors=True)
    python = SOURCES / "static" / "pyodide"
    python.mkdir(parents=True)
    pyodide, lua = package("pyodide"), package("wasmoon-lua5.1") / "dist" / "liblua5.1.wasm"
    for name in PYODIDE:
        shutil.copy(pyodide / name, python)
    info = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))["info"]
    made = packages.wheels(python, pyodide, extension, lua)
    loaded = packages.lock(python, info, made)
    (SOURCES / "jupyter-lite.json").write_text(json.dumps(config(loaded), indent=1), encoding="utf-8")
    (SOURCES / "overrides.json").write_text(json.dumps(OVERRIDES, indent=1), encoding="utf-8")
    stage(SOURCES / "files")


def extensions() -> list[Path]:
    """What JupyterLab's page loads beside itself, of this environment: widgets; and how wide the course's text is."""
    data = Path(sysconfig.get_paths()["data"], "share", "jupyter", "labextensions")
    return [data / "@jupyter-widgets" / "jupyterlab-manager", data / "anywidget"]


def build() -> None:
    """The site in `.artefacts/lite`. Raises: Missing."""
    python = environment("lite")
    sources(python.parents[1] / EXTENSION)
    shutil.rmtree(LITE, ignore_errors=True)
    command = [str(python), "-m", "jupyterlite_core", "build", "--lite-dir", str(SOURCES), "--output-dir", str(LITE)]
    command += ["--contents", str(SOURCES / "files"), "--apps", "lab", "--no-unused-shared-packages", "--no-sourcemaps"]
    command += [f"--LiteBuildConfig.federated_extensions={path}" for path in extensions()]
    quiet = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(command, cwd=SOURCES, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Missing("\n    ".join(["JupyterLite's build failed:", *(done.stdout + done.stderr).splitlines()[-12:]]))
    wait_for_the_drive()
    for page, root in (("index.html", "."), ("lab/index.html", "..")):
        text = (LITE / page).read_text(encoding="utf-8").replace("<html>", '<html lang="en">')
        icon = f'<head>\n    <link rel="icon" href="{root}/static/favicons/favicon.ico">'
        (LITE / page).write_text(text.replace("<head>", icon), encoding="utf-8")


def wait_for_the_drive() -> None:
    """A kernel mounts the drive only if the service worker is there already when it is made. After the first reload
    that worker is registered anew; a kernel that is quicker would then neither find nor keep a learner's progress.

    Raises: Missing, if the extension is not the one for which this was written.
    """
    found = 0
    for path in (LITE / "extensions" / "@jupyterlite" / "pyodide-kernel-extension" / "static").glob("*.js"):
        text, times = MOUNTS.subn(r"(await (null==\1?void 0:\1.ready.catch(()=>{})),\g<0>)", path.read_text("utf-8"))
        if times:
            path.write_text(text, "utf-8")
        found += times
    if found != 1:
        raise Missing(f"Its extension for Pyodide asks {found} times whether there is a drive; once was expected.")


def main() -> int:
    """Exit codes: 0 built, 1 refused, with a sentence."""
    try:
        build()
    except Missing as missing:
        print(f"The edition for a browser cannot be built here. {missing}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in LITE.rglob("*") if path.is_file())
    place = LITE.relative_to(ROOT)
    print(f"The edition for a browser is in {place} ({size / 1e6:.0f} MB): `python3 -m http.server -d {place}`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
