"""Predict, then run: a question holds its run back until it is answered, then answer and outcome stand side by side."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import ipywidgets
from IPython.display import display

from course_lib import notebook
from course_lib.views.palette import ALARM, WELL
from course_lib.views.picture import escape
from course_lib.widgets import fallback
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.prediction_words import (
    Allows,
    equal_to,
    fate_of_choice,
    fate_of_number,
    number_of,
    objection,
    on_choice,
    on_number,
)


class Prediction:
    """Ask, wait for an answer, run, compare.

    Without `choices` the answer is a number, in `unit`, between `low` and `high`. Each choice comes with the condition
    under which what happened allows it; of a plain list, `run` returns the choice that came true. What is measured in
    a number is told in `unit`, too.
    `measure` takes from what `run` returned the part that was asked about; `verdict(outcome, answer)` replaces the
    sentence.

        predict("How many of 20 clients load the page?", unit="loads", low=0, high=20, run=lambda: stampede(7).loads)
        predict("Who is served last?", choices={"a": lambda r: r.last == "a", "b": lambda r: r.last == "b"}, run=race)

    `outcome` is what `run` returned, None until then; `box` is the widget. Where a cell is run again, its question has
    the answer that was given there.
    """

    def __init__(
        self,
        question: str,
        *,
        run: Callable[[], Any],
        choices: Mapping[str, Allows] | Sequence[str] | None = None,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        measure: Callable[[Any], Any] = lambda outcome: outcome,
        verdict: Callable[[Any, Any], str] | None = None,
    ) -> None:
        if choices is not None and not isinstance(choices, Mapping):
            choices = {choice: equal_to(choice) for choice in choices}
        self.question, self.outcome, self.sentence, self.fate = question, None, "", ""
        self._run, self._choices, self._measure, self._verdict = run, choices, measure, verdict
        self._unit, self._low, self._high = unit, low, high
        self._uid = "pr" + secrets.token_hex(4)
        self.button = ipywidgets.Button(description="Run", icon="play", disabled=True, button_style="primary")
        self.button.on_click(lambda _: self.run())
        self.entry = self._entry()
        self.entry.observe(lambda _: self._answered(), "value")
        self.notice, self.result, self.output = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.Output()
        self.box = self._arranged()
        self._cell = notebook.running()
        self._update_still: Callable[[str], None] | None = None
        self._answered()
        if self._cell in _given:
            self._recall(_given[self._cell])

    @property
    def prediction(self) -> Any:
        """The learner's answer: a choice, or a number; None while there is no usable one."""
        if self._choices is not None:
            return self.entry.value
        good = self.entry.value.strip() and not self._objection(self.entry.value)
        return number_of(self.entry.value, self._unit) if good else None

    def answer(self, value: Any) -> Prediction:
        """Answer in the learner's place. Raises: ValueError when the question does not take that answer."""
        if self._choices is not None and value not in self._choices:
            raise ValueError(f"{value!r} is none of the choices {list(self._choices)}")
        if self._choices is None and (wrong := self._objection(str(value))):
            raise ValueError(wrong)
        self.entry.value = value if self._choices is not None else str(value)
        return self

    def _objection(self, text: str) -> str:
        return objection(text, self._unit, self._low, self._high)

    def run(self) -> Any:
        """Run what was held back and compare; returns the outcome, None while there is no answer or when it failed."""
        if self.prediction is None:
            return None
        self.button.disabled = self.entry.disabled = True
        self.button.description, self.notice.value = "Running…", '<span role="status">Running…</span>'
        self.output.clear_output()
        try:
            self.outcome = self._shown()
            self._tell()
        except (Exception, KeyboardInterrupt) as error:
            self.outcome = None
            self._failed(error)
        return self.outcome

    def _shown(self) -> Any:
        """Run; what is printed and returned appears in the widget's own output."""
        failure: BaseException | None = None
        outcome = None
        with self.output:  # on leaving, it swallows any exception raised within
            try:
                outcome = self._run()
                if not isinstance(outcome, (Real, str, type(None))):
                    display(outcome)  # type: ignore[no-untyped-call]
            except (Exception, KeyboardInterrupt) as error:
                failure = error
        if failure is not None:
            raise failure
        return outcome

    def asked(self) -> str:
        """The question and its choices, as HTML for a page without a kernel."""
        choices = "".join(f"<li>{escape(choice)}</li>" for choice in self._choices or ())
        return f"<p><b>Predict.</b> {_prose(self.question)}</p>" + (f"<ul>{choices}</ul>" if choices else "")

    def _ipython_display_(self) -> None:
        still = f"{self.asked()}<p>Run this cell to answer.</p>"
        self._update_still = fallback.show(self.box, still, self._uid)
        notebook.ask(lambda: self._cell in _given)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _entry(self) -> Any:
        if self._choices is not None:
            return ipywidgets.RadioButtons(options=list(self._choices), value=None, layout={"width": "auto"})
        box = ipywidgets.Text(placeholder="a number", description="Your number", layout={"width": "220px"})
        box.style.description_width = "initial"
        return box

    def _arranged(self) -> Any:
        rules = (
            f"{fallback.hide(self._uid)}.{self._uid} p{{margin:4px 0;font-size:14px;line-height:1.5;max-width:46em}}"
        )
        locked = "background:var(--jp-layout-color2,#eee);color:var(--jp-ui-font-color1,#222)"  # else black on blue
        rules += f".{self._uid} button.mod-primary:disabled{{{locked};opacity:.75}}"
        asked = ipywidgets.HTML(f"<style>{rules}</style><p><b>Predict.</b> {_prose(self.question)}</p>")
        unit = ipywidgets.HTML(f"<span>{escape(self._unit)}</span>" if self._choices is None else "")
        row = ipywidgets.HBox([self.entry, unit, self.button, self.notice], layout={"flex_flow": "row wrap"})
        parts = [asked, row, self.result, self.output, Names()]
        if self._choices is not None:
            row.children = [self.button, self.notice]
            parts.insert(1, self.entry)
        box = ipywidgets.VBox(parts, layout={"padding": "4px 12px", "border_left": "4px solid #0072B2"})
        box.add_class(self._uid)
        return box

    # -- what it says -------------------------------------------------------------------------------------------------

    def _answered(self) -> None:
        """Unlock Run when there is an answer, and say what is wrong with an unusable one."""
        text = "" if self._choices is not None else self.entry.value.strip()
        wrong = self._objection(text) if text else ""
        ready = self.prediction is not None
        self.button.disabled = not ready
        told = wrong or ("" if ready else "Answer first; then Run is unlocked.")
        self.notice.value = f'<span role="status">{escape(told)}</span>'

    def _tell(self) -> None:
        """Right or wrong first, beside the button; then the sentence, above what the run shows."""
        answer = self.prediction
        if self._verdict is not None:
            self.sentence = self._verdict(self.outcome, answer)
        elif self._choices is not None:
            happened = self._measure(self.outcome)
            self.fate = fate_of_choice(answer, happened, self._choices)
            self.sentence = on_choice(answer, happened, self._choices, self._unit)
        else:
            happened = float(self._measure(self.outcome))
            self.fate = fate_of_number(answer, happened)
            self.sentence = on_number(answer, happened, self._unit)
        tone = TONES.get(self.fate[:1], "inherit")
        self.notice.value = f'<b role="status" style="font-size:15px;color:{tone}">{self.fate}</b>'
        self.result.value = f'<p role="status">{_prose(self.sentence)}</p>'
        self.button.description, self.button.disabled = "Run again", False
        if self._cell:
            _given[self._cell] = self.entry.value
        if self._update_still is not None:
            told = f"<b>{self.fate}</b> {_prose(self.sentence)}"
            self._update_still(f"<p><b>Predict.</b> {_prose(self.question)}</p><p>{told}</p>")

    def _recall(self, value: Any) -> None:
        """Take up the answer that was given when this cell was run before, unless it can no longer be given."""
        if self._choices is not None and value not in self._choices:
            return
        self.entry.value = value
        if self.prediction is not None:
            self.entry.disabled = True
            self.notice.value = '<span role="status">Your answer from before. Run shows what happens.</span>'

    def _failed(self, error: BaseException) -> None:
        """Say what stopped the run, keep the traceback folded, and let the learner answer and run again."""
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        details = escape("".join(traceback.format_exception(error)))
        self.result.value = (
            f'<p role="alert"><b>The run stopped.</b> {escape(said)}</p>'
            f"<details><summary>Where it stopped</summary><pre>{details}</pre></details>"
        )
        self.button.description, self.entry.disabled = "Run again", False
        self._answered()


_given: dict[str, Any] = {}
"""What was entered in each cell of this kernel's notebook when its question was answered."""

TONES = {"✓": WELL, "✗": ALARM, "≈": "inherit"}


def _prose(text: str) -> str:
    """Escaped text in which `code` between back-ticks is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


predict = Prediction
"""As a lesson calls it."""
