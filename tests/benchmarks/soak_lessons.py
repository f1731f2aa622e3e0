"""An hour of random use of all notebooks in one JupyterLab: does memory level off, and is nothing left behind?

`make soak` runs it too; SOAK_MINUTES says for how long. Notebooks are opened, run, interrupted, restarted and closed at
moments that a seed draws; buttons are pressed, sliders moved. Three lessons keep their kernel all the time. Twelve
times everything is closed but those three kernels, and what is there then is counted.

JupyterLab 4.6 and ipywidgets 8.1 keep much of each notebook that was closed: the whole panel, and all views. So the
page's memory does not level off, whatever a notebook holds. How much they keep is measured first, by each of the
notebooks with one plain widget in each cell of code; the course's notebooks may leave twice as much. JupyterLab's part
is mended after 4.6.6: https://github.com/jupyterlab/jupyterlab/pull/19370
While a notebook is open, its connection to the kernel holds every widget that was made over it, also those whose cell
has run again since. So the three lessons are closed, too, as by somebody who closes the tab and comes back to it.

In a kernel, IPython keeps what each cell has returned, and ipywidgets each widget, until somebody lets them go. So both
are let go before a kept kernel is measured: what is left is the course's own. Then the lesson is run again.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from pathlib import Path

import nbformat
import psutil
import pytest
from browser.conftest import a_lab, a_room, browser  # noqa: F401  # a fixture
from browser.desk import ROOT, Desk
from playwright.sync_api import Browser

from .soak_memory import assert_level, measured

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
SAMPLES = 12
NOTEBOOKS = sorted(
    [*ROOT.glob("notebooks/0*.ipynb"), *ROOT.glob("exercises/*.ipynb"), *ROOT.glob("notebooks/decks/*.ipynb")]
)
KEPT = ("lesson-01_topologies", "lesson-04_redlock", "lesson-05_stampedes")
SLACK = {"kernel MB": 60.0, "server MB": 25.0, "log kB": 100.0}
"""What may come on top of the share in `soak_memory`; of the log, what a twelfth of the time may add."""
KEEPS = {"heap MB": 2.0, "nodes": 2.0}
"""How many times what a plain notebook leaves in the page, when it is closed, the course's may leave."""
PLAIN = "import ipywidgets\nipywidgets.HTML('a line')"
WRITTEN = ["redis-decisions.html"]
"""What a cell of lesson 08 writes, and says so."""
PATIENCE = 30.0
"""Seconds in which a process, or a folder, is gone that nobody needs any more."""

OPEN = """() => {
  const labels = [...window.jupyterapp.shell.widgets("main")].map((one) => one.title.label);
  return labels.filter((label) => label.endsWith(".ipynb"));
}"""
CLOSE = """async ([names, keep]) => {
  const open = [...window.jupyterapp.shell.widgets("main")].filter((one) => names.includes(one.title.label));
  if (!keep) await Promise.all(open.map((one) => one.sessionContext?.shutdown()));
  for (const one of open) one.dispose();
}"""
RUN_ALL = """() => { window.jupyterapp.commands.execute("notebook:run-all-cells"); }"""
RUN_ONE = """(drawn) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const code = notebook.widgets.flatMap((cell, place) => (cell.model.type === "code" ? [place] : []));
  Object.assign(notebook, { activeCellIndex: code[Math.floor(drawn * code.length)], mode: "command" });
  window.jupyterapp.commands.execute("notebook:run-cell");
}"""
KERNEL = """async (verb) => { await window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.[verb](); }"""
LET_GO = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const reply = await kernel.requestExecute({ code, silent: true, store_history: false }).done;
  return reply.content.status;
}"""
WITHOUT_RESULTS = """import gc, ipywidgets
get_ipython().displayhook.flush()
ipywidgets.Widget.close_all()
gc.collect()"""
STATUS = """() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"""
DISMISS = """() => { for (const button of document.querySelectorAll(".jp-Dialog button")) button.click(); }"""
CLICK = """(drawn) => {
  const within = window.jupyterapp.shell.currentWidget.node;
  const buttons = [...within.querySelectorAll(".jp-Cell-outputArea button")].filter((one) => !one.disabled);
  buttons[Math.floor(drawn * buttons.length)]?.click();
  return buttons.length;
}"""
FOCUS = """(drawn) => {
  const within = window.jupyterapp.shell.currentWidget.node;
  const sliders = [...within.querySelectorAll(".jp-Cell-outputArea [role=slider]")];
  sliders[Math.floor(drawn * sliders.length)]?.focus();
  return sliders.length;
}"""


class Use:
    """Somebody with all notebooks of the course, and with no patience."""

    def __init__(self, desk: Desk, draw: random.Random, notebooks: dict[str, Path]) -> None:
        self.desk, self.draw, self.notebooks = desk, draw, notebooks
        self.done = Counter[str]()
        self.server = server_of(desk)
        self.closed = Counter[str]()
        self.misread = 0.0

    def one(self) -> None:
        self.desk.page.evaluate(DISMISS)
        weighed = {
            self.go_to: 3, self.run_all: 3, self.run_cell: 3, self.click: 8, self.slide: 6, self.interrupt: 2,
            self.restart: 1, self.close: 1,
        }  # fmt: skip
        use = self.draw.choices(list(weighed), list(weighed.values()))[0]
        self.done[use.__name__] += 1
        before, current = self.server.memory_info().rss, self.current
        use()
        if (more := (self.server.memory_info().rss - before) / 2**20) > 100:
            self.misread += more if use == self.restart else 0.0
            print(f"  soak: {use.__name__} in {current}, {more:,.0f} MB more in the server", flush=True)

    @property
    def current(self) -> str:
        return str(self.desk.page.evaluate("() => window.jupyterapp.shell.currentWidget?.title.label ?? ''"))

    def go_to(self, name: str = "") -> None:
        name = name or self.draw.choice(list(self.notebooks))
        self.done[f"open {name}"] += 1
        self.desk.command("docmanager:open", path=f"{name}.ipynb")
        self.desk.page.wait_for_function(
            "(name) => window.jupyterapp.shell.currentWidget?.title.label === name"
            " && window.jupyterapp.shell.currentWidget.sessionContext?.isReady",
            arg=f"{name}.ipynb",
            timeout=120_000,
        )

    def run_all(self) -> None:
        self.desk.page.evaluate(RUN_ALL)
        self.wait(40)

    def run_cell(self) -> None:
        self.desk.page.evaluate(RUN_ONE, self.draw.random())
        self.wait(5)

    def click(self) -> None:
        self.desk.page.evaluate(CLICK, self.draw.random())
        self.wait(3)

    def slide(self) -> None:
        if self.desk.page.evaluate(FOCUS, self.draw.random()):
            self.desk.page.keyboard.press(self.draw.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home"]))
        self.wait(2)

    def interrupt(self) -> None:
        """Not while it starts: it would die in an import, and jupyter_server 2.21 then reads what the page sends as of
        another protocol, for which it takes 3 GB."""
        if self.desk.page.evaluate(STATUS) in ("idle", "busy"):
            self.desk.page.evaluate(KERNEL, "interrupt")

    def restart(self) -> None:
        """What the kernel had started is gone with it. What is sent before the new one is there, the server reads as
        above: what it takes for that is `misread`, which is printed and not counted, as it never gives it back."""
        if self.current.removesuffix(".ipynb") in KEPT:
            return
        before = {child for kernel in self.kernels() for child in kernel.children(recursive=True)}
        self.desk.page.evaluate(KERNEL, "restart")
        deadline = time.monotonic() + 2 * PATIENCE
        while self.desk.page.evaluate(STATUS) != "idle":
            if time.monotonic() > deadline:  # as happens on a busy machine, and is the server's
                self.done["restart that did not end"] += 1
                self.close()
                break
            self.desk.page.wait_for_timeout(100)
        self.gone([child for child in before if child.is_running() and not self.has_kernel(child)])

    def close(self) -> None:
        if self.current.removesuffix(".ipynb") not in KEPT:
            self.close_all([self.current])
        self.go_to()

    def close_all(self, names: list[str], *, keep_kernels: bool = False) -> None:
        self.closed.update(name.removesuffix(".ipynb") for name in names)
        self.desk.page.evaluate(CLOSE, [names, keep_kernels])

    def wait(self, longest: float) -> None:
        """Until the kernel is idle, or until patience is at its end."""
        deadline = time.monotonic() + self.draw.uniform(0, longest)
        self.desk.page.wait_for_timeout(100)
        while time.monotonic() < deadline and self.desk.page.evaluate(STATUS) != "idle":
            self.desk.page.wait_for_timeout(100)

    def plain(self) -> dict[str, dict[str, float]]:
        """What is left in the page of each notebook, if it shows nothing of the course, when it is closed."""
        found, before = dict[str, dict[str, float]](), dict[str, float]()
        for name in [next(iter(self.notebooks)), *self.notebooks]:  # the first one loads what all others use
            path = self.notebooks[name]
            path.with_name(f"plain-{name}.ipynb").write_text(without_the_course(path), encoding="utf-8")
            self.go_to(f"plain-{name}")
            self.desk.run_all()
            self.close_all([f"plain-{name}.ipynb"])
            now = measured(self.desk, self.server.pid)
            found[name] = {what: now[what] - before.get(what, 0.0) for what in KEEPS}
            before = now
        return found

    # -- what is there ------------------------------------------------------------------------------------------------

    def kernels(self) -> list[psutil.Process]:
        return [child for child in self.server.children() if "ipykernel_launcher" in " ".join(child.cmdline())]

    def has_kernel(self, process: psutil.Process) -> bool:
        """Is there still a kernel above this process? Without one nobody ends it."""
        with_kernel = set(self.kernels())
        try:
            return any(parent in with_kernel for parent in process.parents())
        except psutil.NoSuchProcess:
            return True

    def gone(self, processes: list[psutil.Process]) -> None:
        _, left = psutil.wait_procs(processes, PATIENCE)
        assert not left, f"still there, without a kernel: {left}"

    def rest(self) -> None:
        """Close all. Cells of the kept ones come to their end first, and their results are let go, but their kernels
        stay; what the others had started is gone."""
        self.desk.page.evaluate(DISMISS)
        names = [name for name in self.desk.page.evaluate(OPEN) if name.removesuffix(".ipynb") not in KEPT]
        self.close_all(names)
        for name in KEPT:
            self.go_to(name)
            self.desk.page.evaluate(KERNEL, "interrupt")
            self.desk.wait_idle()
            assert self.desk.page.evaluate(LET_GO, WITHOUT_RESULTS) == "ok"
        self.close_all([f"{name}.ipynb" for name in KEPT], keep_kernels=True)
        deadline = time.monotonic() + PATIENCE
        while len(self.kernels()) > len(KEPT) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(self.kernels()) == len(KEPT)


def server_of(desk: Desk) -> psutil.Process:
    """JupyterLab's own process: the child of ours that knows its token."""
    token = f"--IdentityProvider.token={desk.lab.token}"
    return next(child for child in psutil.Process().children() if token in child.cmdline())


def without_the_course(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = PLAIN
    return str(nbformat.writes(notebook))


def without_a_kernel(use: Use, temporary: Path) -> list[str]:
    """Processes that work in the temporary folder and have no kernel above them."""
    found = []
    for process in psutil.process_iter(["cmdline", "pid"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(temporary) in line and "ipykernel_launcher" not in line and not use.has_kernel(process):
            found.append(f"{process.pid}: {line[:200]}")
    return found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """JupyterLab's files, and an empty folder for all that kernels keep for a while."""
    home, temporary = tmp_path / "lab", tmp_path / "kept for a while"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    return home, temporary


def test_an_hour_with_all_notebooks(browser: Browser, places: tuple[Path, Path]) -> None:  # noqa: F811
    home, temporary = places
    draw, seen = random.Random(1), {name: list[float]() for name in (*SLACK, *KEEPS)}
    with a_lab(home) as lab, a_room(browser, lab) as desk:
        notebooks = {}
        for path in NOTEBOOKS:
            name = (
                f"{ {'notebooks': 'lesson', 'exercises': 'exercises', 'decks': 'deck'}[path.parent.name] }-{path.stem}"
            )
            notebooks[name] = lab.folder / f"{name}.ipynb"
            notebooks[name].write_bytes(path.read_bytes())
        desk.open_notebook(f"{KEPT[0]}.ipynb")
        use = Use(desk, draw, notebooks)
        keeps, closed = use.plain(), list[Counter[str]]()
        means = {what: round(sum(kept[what] for kept in keeps.values()) / len(keeps), 1) for what in KEEPS}
        print(f"\n  soak: JupyterLab keeps {means} of each plain notebook that is closed", flush=True)
        for name in KEPT:
            use.go_to(name)
            desk.run_all()
        kept = {kernel.pid for kernel in use.kernels()}
        began, due, written = time.monotonic(), MINUTES * 60 / SAMPLES, 0
        while len(seen["nodes"]) < SAMPLES:
            use.one()
            if (passed := time.monotonic() - began) >= due:
                due += MINUTES * 60 / SAMPLES
                use.rest()
                assert {kernel.pid for kernel in use.kernels()} == kept, "a kept kernel has died"
                assert without_a_kernel(use, temporary) == []
                size = (home / "log.txt").stat().st_size
                now = measured(desk, use.server.pid)
                now["server MB"] = now.pop("kernel MB") - use.misread
                now["kernel MB"] = sum(kernel.memory_info().rss for kernel in use.kernels()) / 2**20
                now["log kB"], written = (size - written) / 1000, size
                for what, value in now.items():
                    seen[what].append(value)
                closed.append(use.closed.copy())
                told = ", ".join(f"{values[-1]:,.0f} {what}" for what, values in seen.items())
                print(f"  soak {passed / 60:5.1f} min, {sum(use.done.values()):5} uses: {told}", flush=True)
                for name in KEPT:
                    use.go_to(name)
                    use.run_all()
        print(f"  soak: {dict(sorted(use.done.items()))}")
        assert desk.foreign == []
        kernels = use.kernels()
        desk.clear()
        use.gone(kernels)
        assert without_a_kernel(use, temporary) == []
        errors = Counter(re.sub(r"[0-9a-f-]{8,}|\d+", "#", error)[:150] for error in desk.errors)
        print("\n".join(f"  console, {count} times: {error}" for error, count in errors.most_common(12)))
    left = sorted(str(path.relative_to(temporary)) for path in temporary.rglob("*"))
    print(f"  soak: files left: {left}")
    assert left in ([], WRITTEN)
    for what, slack in SLACK.items():
        assert_level(what, seen[what], slack)
    for what, times in KEEPS.items():
        left = seen[what][-1] - seen[what][0]
        by_plain = sum(keeps[name][what] * count for name, count in (closed[-1] - closed[0]).items())
        print(f"  soak, {what}: {left:,.0f} left by the notebooks that were closed, {by_plain:,.0f} by plain ones")
        assert left <= times * by_plain, what
