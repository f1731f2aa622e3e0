"""In the kernel of a lesson that runs for the site: what a question holds back is shown below it.

Nobody is there to answer. A page can fold what happened, so a reader still answers first.
"""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import Any

from IPython.display import HTML, display

from course_lib.views.picture import escape
from course_lib.widgets.predict import Prediction
from course_lib.widgets.prediction_words import measured
from course_lib.words import listed

HAPPENED = "<!-- what happened -->"
"""The output that stands between a question and its outcome."""


def record() -> None:
    """From here on, a prediction is shown with what happened."""
    setattr(Prediction, "_ipython_display_", _told)  # noqa: B010  # a method, of which mypy knows the name


def _told(question: Prediction) -> None:
    _page(question.asked())
    _page(HAPPENED)
    question.outcome = outcome = question._run()
    if not isinstance(outcome, (Real, str, type(None))):
        display(outcome)  # type: ignore[no-untyped-call]
    _page(f"<p>{escape(sentence(question, question._measure(outcome)))}</p>")


def sentence(question: Prediction, happened: Any) -> str:
    """What happened as a number, and which of the choices it leaves."""
    number = isinstance(happened, Real) and not isinstance(happened, bool)
    result = measured(happened, question._unit) if number else ""
    if question._choices is None:
        return f"It was {result}." if isfinite(happened) else "It had no end."
    left = [f"“{choice}”" for choice, allows in question._choices.items() if allows(happened)]
    which = f"What happened{f' ({result})' if result else ''} leaves"
    return f"{which} {listed(left)}." if left else "None of the choices foresaw what happened."


def _page(html: str) -> None:
    display(HTML(html))  # type: ignore[no-untyped-call]
