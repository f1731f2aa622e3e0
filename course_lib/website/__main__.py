"""`make site`: run the lessons that have changed, write the pages, look at every link.

If the edition for a browser is built, `make lite`, a copy of it lies in `lite/` beside the pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from course_lib.bootstrap import ROOT
from course_lib.website.links import faults
from course_lib.website.live import script
from course_lib.website.staged import stage
from course_lib.website.tools import Missing, environment, package

SOURCES, SCRIPTS, SITE, LITE = (ROOT / ".artefacts" / name for name in ("pages", "scripts", "site", "lite"))
HERE = Path(__file__).parent


def scripts() -> None:
    """What pages load from their own folder: for a widget that is alive, and for a link to the live edition."""
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    SCRIPTS.mkdir(parents=True)
    shutil.copy(package("requirejs") / "require.js", SCRIPTS)
    shutil.copy(package("@jupyter-widgets/html-manager") / "dist" / "embed-amd.js", SCRIPTS)
    installed = Path(sysconfig.get_paths()["data"], "share", "jupyter", "nbextensions", "anywidget")
    shutil.copy(installed / "index.js", SCRIPTS / "anywidget.js")  # the course's own version, which saved the widgets
    (SCRIPTS / "live.js").write_text(script(LITE), encoding="utf-8")


def build() -> list[str]:
    """The pages in `.artefacts/site`; what is wrong with their links. Raises: Missing."""
    python = environment("site")
    scripts()
    stage(SOURCES)
    shutil.rmtree(SITE, ignore_errors=True)
    static = os.pathsep.join([str(HERE / "static"), str(SCRIPTS)])
    sphinx = [str(python), "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-d", str(SOURCES.with_name("doctrees"))]
    command = [*sphinx, "-c", str(HERE), str(SOURCES), str(SITE)]
    subprocess.run(command, check=True, env={**os.environ, "COURSE_SITE_STATIC": static}, stdin=subprocess.DEVNULL)
    (SITE / "_static" / "webpack-macros.html").unlink(missing_ok=True)  # the theme's own template, and no page
    found = list(faults(SITE))
    if LITE.exists():
        shutil.copytree(LITE, SITE / "lite")
    return found


def main() -> int:
    """Exit codes: 0 built, 1 refused or with faults, each with its sentence."""
    try:
        found = build()
    except Missing as missing:
        print(f"The site cannot be built here. {missing}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        print(f"Sphinx ended with {failed.returncode}; what it said is above.", file=sys.stderr)
        return 1
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"The site is in {SITE.relative_to(ROOT)}: open index.html there.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
