"""The predict widget as a learner meets it: Run is held back, the answer is kept, what happened speaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from .desk import Desk

NUMBER = """from course_lib.widgets.predict import predict
guess = predict("How many of 20 clients `load` the page?", unit="loads", low=0, high=20, run=lambda: 17)
guess"""
CHOICES = """from course_lib.widgets.predict import predict
from views.samples import two_holders
from course_lib.views.spacetime import spacetime
def race():
    print("two clients race")
    return spacetime(two_holders())
chosen = predict("Who holds the lock at 41 ms?", run=race, measure=lambda picture: picture.alt, choices={
    "only a": lambda alt: "Violation" not in alt, "only b": lambda alt: "Violation" not in alt,
    "both": lambda alt: "Violation" in alt})
chosen"""
SLOW = """import threading
from course_lib.widgets.predict import predict
gate = threading.Event()
timer = threading.Timer(1.5, gate.set)
def wait():
    timer.start(); gate.wait(20)
    return 3
slow = predict("How many?", run=wait)
slow"""
BROKEN = """from course_lib.widgets.predict import predict
tries = []
def fail_once():
    tries.append(1)
    if len(tries) == 1:
        raise RuntimeError("no server <here>")
    return 4
broken = predict("How many?", run=fail_once)
broken"""


def test_run_all_shows_the_questions_with_run_locked(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Nobody answered: every cell ends, nothing ran, and a later cell sees that there is no outcome."""
    desk.open_notebook(notebook("all", NUMBER, CHOICES, "print(guess.outcome, chosen.outcome)"))
    desk.run_all()
    for cell in (0, 1):
        expect(_run(desk.output(cell))).to_be_disabled()
        expect(desk.output(cell)).to_contain_text("Answer first")
    expect(desk.output(2)).to_contain_text("None None")
    desk.screenshot("predict-locked")
    desk.assert_clean()


def test_a_number_is_checked_then_kept_and_compared(desk: Desk, notebook: Callable[..., Path]) -> None:
    """By keyboard alone: a wrong text gets a sentence, a revised answer unlocks Run, the result stands beside it."""
    desk.open_notebook(notebook("number", NUMBER, "print(guess.outcome)"))
    desk.run_all()
    shown = desk.output(0)
    box = shown.get_by_role("textbox", name="Your number")
    box.focus()
    desk.page.keyboard.type("many")
    expect(shown).to_contain_text("“many” is not a number")
    expect(_run(shown)).to_be_disabled()
    box.fill("21")
    expect(shown).to_contain_text("at most 20")
    box.fill("12")
    expect(_run(shown)).to_be_enabled()
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Enter")
    expect(shown).to_contain_text(
        "You said 12 loads; it was 17 loads, 5 more than you said and 1.42 times your number."
    )
    expect(box).to_be_disabled()
    expect(box).to_have_value("12")
    desk.screenshot("predict-number", shown)
    desk.assert_clean()


def test_what_happened_rules_choices_out(desk: Desk, notebook: Callable[..., Path]) -> None:
    """The answer can be revised until Run, also by arrows; print and picture are shown; two choices are ruled out.

    The choices are one group with the question's name; what is pressed keeps the focus, in a ring.
    """
    desk.open_notebook(notebook("choices", CHOICES))
    desk.run_all()
    shown = desk.output(0)
    asked = shown.get_by_role("radiogroup", name="Predict. Who holds the lock at 41 ms?")
    asked.get_by_role("radio", name="only b").check()
    expect(_run(shown)).to_be_enabled()
    desk.wait_idle()  # else the next choice would wait for it, and Run overtake both
    desk.page.keyboard.press("ArrowUp")
    desk.page.keyboard.press("Tab")
    expect(_run(shown)).to_be_focused()
    expect(_run(shown)).to_have_css("outline-style", "solid")
    desk.page.keyboard.press("Enter")
    expect(shown).to_contain_text("two clients race")
    expect(shown.get_by_role("img", name="Space-time diagram")).to_be_visible()
    told = "You said “only a”, which is ruled out. What happened rules out “only a” and “only b”, and leaves “both”."
    expect(shown).to_contain_text(told)
    expect(shown.get_by_role("radio", name="both")).to_be_disabled()
    desk.screenshot("predict-choices", shown)
    desk.assert_clean()


def test_a_long_run_says_that_it_is_running(desk: Desk, notebook: Callable[..., Path]) -> None:
    """While the kernel is busy the button is locked and says so; afterwards it offers to run again, with the focus."""
    desk.open_notebook(notebook("slow", SLOW))
    desk.run_all()
    shown = desk.output(0)
    shown.get_by_role("textbox").fill("3")
    expect(_run(shown)).to_be_enabled()
    _run(shown).press("Enter")
    expect(shown.get_by_role("button", name="Running…")).to_be_disabled()
    expect(shown).to_contain_text("exactly your number", timeout=20_000)
    expect(shown.get_by_role("button", name="Run again")).to_be_focused()
    desk.assert_clean()


def test_a_failed_run_says_why_and_can_run_again(desk: Desk, notebook: Callable[..., Path]) -> None:
    """The message is in words, the traceback is folded, nothing of it is taken for HTML, and a second run succeeds."""
    desk.open_notebook(notebook("broken", BROKEN))
    desk.run_all()
    shown = desk.output(0)
    shown.get_by_role("textbox").fill("5")
    _run(shown).click()
    expect(shown.get_by_role("alert")).to_contain_text("RuntimeError: no server <here>")
    expect(shown.get_by_text("Traceback (most recent call last)")).to_be_hidden()
    shown.get_by_text("Where it stopped").click()
    expect(shown.get_by_text("Traceback (most recent call last)")).to_be_visible()
    shown.get_by_role("button", name="Run again").click()
    expect(shown).to_contain_text("You said 5; it was 4, 1 less than you said")
    desk.assert_clean()


def _run(shown: Locator) -> Locator:
    return shown.get_by_role("button", name="Run", exact=True)
