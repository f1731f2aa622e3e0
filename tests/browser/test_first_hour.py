"""What a newcomer meets in the first hour: a lesson that stays as it is, a run too early, an answer that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from course_lib.notebook import EARLY, HELD

from .desk import ROOT, Desk

CHANGED = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
BEGIN = "import os; os.environ['COURSE_HOLD_BACK'] = 'on'\nfrom course_lib.widgets.predict import predict"
ASK = """def race():
    print('they race')
    return 17
predict("How many loads?", choices={"one": lambda n: n == 1, "all": lambda n: n > 9}, run=race)"""
PRICED = "from IPython.display import HTML\nHTML('<p>from $12 to $15</p>')"
TABLE = "from course_lib.views.table import table\ntable([{'what': 'from $12 to $15'}])"
PAGE = "from course_lib.grading.page import framed\nHTML(framed('<p>from $12 to $15</p>'))"
SHOW = "# After your answer\nprint('It was', race())"


def test_to_open_a_lesson_does_not_change_it_and_hides_its_plumbing(desk: Desk) -> None:
    """The kernel has answered, so JupyterLab has stored what it wants to store."""
    desk.open_notebook(ROOT / "notebooks" / "05_stampedes.ipynb")
    assert desk.page.evaluate(CHANGED) is False
    expect(desk.panel.get_by_text("from course_lib.lesson import begin")).to_have_count(0)
    desk.screenshot("lesson-opened")
    desk.assert_clean()


def test_a_cell_in_the_middle_asks_for_those_above(desk: Desk, notebook: Callable[..., Path]) -> None:
    desk.open_notebook(notebook("middle", "from math import sqrt", "print(sqrt(4))"))
    desk.run_cell(1)
    expect(desk.output(1)).to_have_text(EARLY.format("sqrt"))
    desk.assert_clean()


def test_two_prices_are_no_formula(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Neither in a table nor on the page of a hint. The control: in other HTML JupyterLab makes a formula of them."""
    desk.open_notebook(notebook("prices", PRICED, TABLE, PAGE))
    desk.run_all()
    expect(desk.output(0).locator("mjx-container")).to_have_count(1)
    for cell in (1, 2):
        expect(desk.output(cell)).to_contain_text("from $12 to $15")
        expect(desk.output(cell).locator("mjx-container")).to_have_count(0)
    desk.assert_clean()


def test_run_all_gives_no_answer_away_and_an_answer_stays(desk: Desk, notebook: Callable[..., Path]) -> None:
    """The verdict stands beside the button, above what the run shows; it is there after a reload, even without its
    kernel; and in the same kernel the cell knows it when it is run again."""
    path = notebook("held", BEGIN, ASK, SHOW)
    desk.open_notebook(path)
    desk.run_all()
    expect(desk.output(2)).to_have_text(HELD)
    question = desk.output(1)
    question.get_by_role("radio", name="one").check()
    question.get_by_role("button", name="Run").click()
    verdict = question.get_by_role("status").filter(has_text="✗ Not so")
    shown = question.get_by_text("they race")
    expect(verdict).to_be_visible()
    expect(shown).to_be_visible()
    places = [place.bounding_box() for place in (question.get_by_role("button", name="Run again"), verdict, shown)]
    button, told, ran = (place["y"] for place in places if place is not None)
    assert abs(told - button) < 20
    assert told < ran
    desk.screenshot("predict-verdict", question)
    desk.run_cell(2)
    expect(desk.output(2)).to_contain_text("It was 17")
    desk.run_cell(1)
    expect(question.get_by_role("radio", name="one")).to_be_checked()
    expect(question).to_contain_text("Your answer from before")
    question.get_by_role("button", name="Run").click()
    expect(verdict).to_be_visible()
    desk.save()
    desk.command("kernelmenu:shutdown")
    desk.open_notebook(path.name, afresh=True)
    expect(desk.output(1)).to_contain_text("✗ Not so You said “one”, which is ruled out.")
    lost = desk.panel.locator(".jp-OutputArea-output", has_text="model not found")
    expect(lost).not_to_have_count(0)  # only now has JupyterLab looked for it, and said so on the console
    desk.assert_clean(allow=("widget model not found",))
