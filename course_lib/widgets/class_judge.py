"""What will count, before it is handed in: a button that has the class's judge look at the notebook it stands in."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ipywidgets
from IPython.display import display

from course_lib.views.picture import escape
from course_lib.widgets.browser.labels import Names

SEEN = "course_lib.grading"
"""The program that judges a class; with --try it judges one notebook."""

BROWSER = (
    "A browser cannot run the judge, which is a program of its own. Download the notebook (menu File) and judge it "
    "where the course is installed."
)


class ClassJudge:
    """A button, and below it the page that a student of a class gets.

        ClassJudge("04")                                  # the notebook that it stands in, as it was saved last

    The judge is a program of its own: it reads the file, runs the answers in a sandbox where there is one, and knows
    nothing of this kernel. Interrupt it as any cell.
    Cost: some seconds for a lesson; nothing leaves the machine.
    """

    def __init__(self, lesson: str, notebook: Path | str | None = None) -> None:
        self.lesson, self._notebook = lesson, notebook
        self.button = ipywidgets.Button(description="Judge as in class", icon="gavel", button_style="primary")
        self.button.layout.width = "auto"
        self.button.on_click(lambda _: self.judge())
        self.notice = ipywidgets.HTML('<span role="status">Save the notebook first: what is saved is judged.</span>')
        self.page = ipywidgets.HTML()
        self.button.tooltip = "Judge this notebook as the judge of a class does"
        self.box = ipywidgets.VBox([ipywidgets.HBox([self.button, self.notice]), self.page, Names()])

    def _ipython_display_(self) -> None:
        display(self.box)  # type: ignore[no-untyped-call]

    def judge(self) -> None:
        """Judge the notebook as it is stored now, and show the page."""
        if sys.platform == "emscripten":
            self._say(BROWSER)
            return
        path = self._path()
        if path is None:
            self._say(f"There is no notebook of lesson {self.lesson} in this folder: its exercises are in exercises/.")
            return
        self.button.disabled = True
        saved = time.strftime("%H:%M:%S", time.localtime(path.stat().st_mtime))
        self._say(f"Judging {path.name} as it was saved at {saved} …")
        try:
            with tempfile.TemporaryDirectory() as folder:
                self._show(path, Path(folder) / "page.html")
        finally:
            self.button.disabled = False

    def _show(self, path: Path, page: Path) -> None:
        command = [sys.executable, "-m", SEEN, "--try", str(path), "--out", str(page), "--unsafe"]
        ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        if not page.exists():
            told: list[str] = (ran.stderr or ran.stdout).strip().splitlines()
            self._say(f"It could not be judged: {told[-1] if told else 'no reason was given'}")
            return
        text = page.read_text(encoding="utf-8")
        self.page.value = (
            f'<iframe title="The page of a student of a class" srcdoc="{escape(text)}" '
            'style="width:100%;height:640px;border:1px solid var(--jp-border-color1,#bbb)"></iframe>'
        )
        self._say(ran.stdout.strip().splitlines()[-1])

    def _say(self, text: str) -> None:
        self.notice.value = f'<span role="status">{escape(text)}</span>'

    def _path(self) -> Path | None:
        """Jupyter tells a kernel which notebook it belongs to; without that, the lesson's in this folder."""
        told = self._notebook or os.environ.get("JPY_SESSION_NAME", "")
        if told and Path(told).suffix == ".ipynb" and Path(told).is_file():
            return Path(told)
        return next(iter(sorted(Path().glob(f"{self.lesson}_*.ipynb"))), None)
