"""The lab of a lesson: controls around an experiment, and a picture that follows them.

Each change starts a fresh simulation, which runs in slices. Between two slices the kernel hears the next change: the
latest wins. A run that it overtakes is shown if it soon ends, so that a slider that is held moves the picture, and else
dropped. A long run shows its progress and can be stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import ipywidgets as w

from course_lib.views.picture import Picture, escape
from course_lib.views.room import within
from course_lib.views.table import table
from course_lib.widgets import fallback
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.browser.room import Room
from course_lib.widgets.controls import button, disable
from course_lib.widgets.number import Number
from course_lib.widgets.projector import ASIDE, Projector

SHOW_PROGRESS_AFTER = 0.5
"""Seconds of real time after which a run shows a progress bar."""

SOON = 0.6
"""Seconds of real time that a run may have in all, once a change has overtaken it."""

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Given = TypeVar("Given", bound="DataclassInstance")
Result = TypeVar("Result")


@dataclass
class Experiment(Generic[Given, Result]):
    """What a lab runs, and how it shows a result.

    `given` holds the values that the lab begins with, a `seed` among them. `widgets` makes the controls, named after
    fields of `given`, in the order in which they are shown; a field without a control keeps its value. `in_slices` runs
    with such values and yields (share that is done, from 0 to 1, result so far). `row` is a result's line in the table
    of runs; `says` is a sentence above the picture, or empty. `ignored` names the controls that do not count with such
    values, each with the reason: they are locked.
    """

    given: Given
    widgets: Callable[[Given], dict[str, w.Widget]]
    in_slices: Callable[[Given], Iterator[tuple[float, Result]]]
    picture: Callable[[Result], Picture]
    row: Callable[[Result], Mapping[str, object]]
    says: Callable[[Result], str] = lambda _: ""
    ignored: Callable[[Given], Mapping[str, str]] = lambda _: {}

    def controls(self) -> dict[str, w.Widget]:
        """The controls by name, and that of the seed; each has a `value`."""
        seed: Any = self.given
        return {**self.widgets(self.given), "seed": Number("seed", seed.seed, 0, 999_999)}

    def running(self, **values: Any) -> Iterator[tuple[float, Result]]:
        """Run with these values, in slices."""
        return self.in_slices(replace(self.given, **values))

    def locked(self, **values: Any) -> Mapping[str, str]:
        """The controls that have no effect with these values, each with the reason."""
        return self.ignored(replace(self.given, **values))


class Lab(Generic[Result]):
    """Controls, picture, and a table of the runs that were kept. The last line of a cell shows it.

    `result` is the latest finished run. Programs may set controls by `set(clients=500)`, which runs at once.
    """

    def __init__(self, experiment: Experiment[Any, Result]) -> None:
        self._experiment, self._uid = experiment, "lab" + secrets.token_hex(4)
        self.result: Result | None = None
        self.error: Exception | None = None
        self._kept: list[Mapping[str, object]] = []
        self._task: asyncio.Task[None] | None = None
        self._by_program = self._simulates = self._overtaken = False
        self._took = 0.0  # seconds, by the last run that was finished
        self._controls = experiment.controls()
        self._picture, self._table = (w.HTML(layout={"overflow": "auto"}) for _ in range(2))
        self._says = w.HTML()
        self._room = Room()
        self._room.observe(lambda _: self._draw(), "wide")
        self._bar = w.FloatProgress(min=0, max=1, description="simulating", layout={"display": "none"})
        self._again = button("Again", "dice", self._pressed_again, "Run with the next seed")
        self._keep = button("Keep this run", "thumb-tack", self._pressed_keep, "Add this run's numbers to the table")
        self._clear = button("Clear table", "eraser", self._pressed_clear, "Empty the table of kept runs")
        self._stop = button("Stop", "stop", self._pressed_stop, "Stop the simulation that is running", disabled=True)
        self.box = self._arranged()
        self.set()
        for control in self._controls.values():
            control.observe(self._changed, "value")

    # -- for programs -------------------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say, by name."""
        return {name: control.value for name, control in self._controls.items()}

    def set(self, **values: Any) -> Result:
        """Set controls by name and run to the end. Raises: KeyError for an unknown name; what the run raises."""
        for name in values:
            if name not in self._controls:
                raise KeyError(f"there is no control {name!r}; there are {', '.join(self._controls)}")
        self._by_program = True
        try:
            for name, value in values.items():
                self._controls[name].value = value
        finally:
            self._by_program = False
        self._cancel()
        self._lock()
        *_, (_, result) = self._experiment.running(**self.values)
        self._show(result)
        return result

    # -- for people ---------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        still = self._experiment.picture(self.result).as_image() if self.result is not None else ""
        fallback.show(self.box, still, self._uid)

    def _changed(self, _: object = None) -> None:
        """Run with the present values: now, or where a run is under way that soon ends, after it."""
        if self._by_program:
            return
        self._lock()
        if self._simulates and self._took <= SOON:
            self._overtaken = True
            return
        self._cancel()
        try:
            self._task = asyncio.get_running_loop().create_task(self._run())
        except RuntimeError:  # no loop runs: a program, not a notebook
            self.set()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._simulates = self._overtaken = False  # the task itself ends a turn of the loop later

    async def _run(self) -> None:
        await asyncio.sleep(0.005)  # a dragged slider sends many values; only the last of them need be simulated
        self._simulates, self._stop.disabled = True, False
        try:
            self._overtaken = True
            while self._overtaken:
                self._overtaken = False
                await self._simulate()
        except Exception as error:
            self.error = error
            self._says.value = f"<b>{escape(type(error).__name__)}</b>: {escape(error)}"
        finally:
            self._simulates, self._bar.layout.display = False, "none"
            self._stop.disabled = True

    async def _simulate(self) -> None:
        began, slices = perf_counter(), self._experiment.running(**self.values)
        with contextlib.closing(slices):  # type: ignore[type-var]  # a generator
            for done, latest in slices:
                result, took = latest, perf_counter() - began
                if self._overtaken and took > SOON:
                    return
                if long := took > SHOW_PROGRESS_AFTER:
                    self._bar.layout.display = ""
                    self._bar.value = done
                await asyncio.sleep(0.005 if long else 0.001)  # to receive the next change, or Stop, as a whole
        self._took = perf_counter() - began
        self._show(result)

    def _show(self, result: Result) -> None:
        self.result, self.error = result, None
        self._draw()
        self._says.value = escape(self._experiment.says(result))
        self._tabulate()

    def _draw(self) -> None:
        """The picture of the result, as wide as its place."""
        if self.result is not None:
            with within(self._room.wide):
                self._picture.value = self._projector.shown(self._experiment.picture(self.result).svg)

    def _lock(self) -> None:
        reasons = self._experiment.locked(**self.values)
        for name, control in self._controls.items():
            disable(control, reasons.get(name, ""))
        disable(self._again, reasons.get("seed", ""))

    def _tabulate(self) -> None:
        assert self.result is not None
        runs = [{"run": f"kept {i + 1}", **row} for i, row in enumerate(self._kept)]
        runs.append({"run": "this", **self._experiment.row(self.result)})
        self._table.value = table(runs)._repr_html_()

    def _pressed_stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._cancel()
            self._says.value = "Stopped. The picture shows the last run that finished."

    def _pressed_again(self) -> None:
        seed = self._controls["seed"]
        seed.value = seed.value + 1 if seed.value < seed.max else seed.min

    def _pressed_keep(self) -> None:
        if self.result is not None:
            self._kept.append(self._experiment.row(self.result))
            self._tabulate()

    def _pressed_clear(self) -> None:
        self._kept.clear()
        self._tabulate()

    def _arranged(self) -> w.Widget:
        """Controls and picture side by side where there is room for both, else one above the other."""
        seed = self._controls["seed"]
        controls = w.GridBox(
            [control for control in self._controls.values() if control is not seed],
            layout={"grid_template_columns": "repeat(auto-fit, minmax(min(270px, 100%), 1fr))", "grid_gap": "0 12px"},
        )
        hide = w.HTML(f"<style>{fallback.hide(self._uid)}{_STYLE.replace('UID', self._uid)}</style>")
        box = w.VBox()
        self._projector = Projector(box, self._draw)
        again = [seed, self._again, self._keep, self._clear, self._stop, self._projector, self._bar]
        buttons = w.HBox(again, layout={"flex_flow": "row wrap", "align_items": "flex-start"})
        left = w.VBox([controls, buttons], layout={"flex": "1 1 340px"})
        left.add_class("course-lab-controls")
        right = w.VBox([self._room, self._picture], layout={"flex": "100 1 700px", "min_width": "0"})
        both = w.HBox([left, right], layout={"flex_flow": "row wrap", "align_items": "flex-start"})
        self._table.add_class(ASIDE)
        box.children = [both, self._says, self._table, hide, self._projector.rules, Names()]
        box.add_class(self._uid)
        box.add_class("course-panel")
        return box


_STYLE = (
    ".UID .widget-dropdown .widget-label{text-align:left}"  # as the names of sliders are
    ".UID .course-lab-controls{container-type:inline-size;max-width:880px}"
    ".UID .widget-html-content>svg{max-height:var(--left)}"
    "@container(max-width:880px){.UID .widget-gridbox .widget-label{width:120px!important}"
    ".UID .widget-gridbox .widget-text{width:60px!important}"
    ".UID .widget-gridbox .widget-dropdown .widget-label{width:auto!important}}"  # a choice needs the room
)
