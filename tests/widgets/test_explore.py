"""`explore` in a notebook: what it shows says no more than was done, a bar comes when it takes long, and goes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from explore.visits import mended, naive

from course_lib.explore import Findings, Play, Tally
from course_lib.widgets import explore as module
from course_lib.widgets.explore import Explored, explore


def no_visit_is_lost(run: Play) -> str | None:
    counted = [value for value in run.results.values() if isinstance(value, int)]
    return f"two counted <{max(counted)}>" if len(set(counted)) < len(counted) else None


def html(shown: Explored) -> str:
    return shown._repr_mimebundle_()["text/html"]


def head(shown: Explored) -> str:
    found = re.search(r'<p class="head \w+"><b>(.*?)</b>', html(shown))
    assert found is not None
    return found[1]


def test_a_broken_promise_is_drawn_named_and_told() -> None:
    shown = explore(naive, no_visit_is_lost)
    assert head(shown) == "✗ Broken"
    assert html(shown).count("<svg") == 1
    assert "two counted &lt;0&gt;" in html(shown).lower()
    assert "two counted <" not in html(shown).lower()
    assert (shown.code or "?") in html(shown)
    text = str(shown)
    assert text.startswith(
        "4 of all 6 schedules of 2 clients break a promise. The clients ran 24 commands in these schedules. Each of "
        "the 3 lines of your code ran. 3 schedules played twice were the same each time.\nTwo counted <0>."
    )
    assert shown._repr_mimebundle_()["text/plain"] == text
    assert not shown.holds


def test_a_promise_without_a_name_is_called_the_promise() -> None:
    found = explore(naive, lambda run: "lost").found
    assert found.violation is not None
    assert found.violation.promise == "the promise"


def test_what_was_found_is_opened_to_be_played_by_hand() -> None:
    """The schedule that is shown, move for move; judged at its end, so one move less is not broken."""
    shown = explore(naive, no_visit_is_lost, clients=3)
    panel = shown.by_hand()
    assert panel.puzzle.clients == 2
    assert "Broken in 4 moves. Two counted &lt;0&gt;" in panel.told.value.replace("</b>", "")
    assert (shown.code or "?") in panel.told.value
    panel.undo()
    assert "3 moves." in panel.told.value
    assert panel.puzzle.all_schedules().played[0].failures == 4
    assert "mended" not in str([getattr(part, "options", ()) for row in panel.box.children for part in _parts(row)])


def test_what_holds_is_played_by_hand_from_the_start() -> None:
    panel = explore(mended, no_visit_is_lost, clients=(2, 3)).by_hand()
    assert panel.game.moves == []
    assert panel.puzzle.clients == 3
    for _ in range(3):
        panel.move(1)
    assert "the promise was kept" in panel.told.value


def _parts(row: Any) -> tuple[Any, ...]:
    return getattr(row, "children", ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "✓ Holds in every schedule"),
        ({"clients": 6, "schedules": 20}, "✓ Nothing found in what was sampled"),
        ({"seconds": 0.0}, "○ Nothing found so far"),
        ({"code": "R2-yours-2-0110-CQSTW"}, "✓ Not broken by this schedule"),
    ],
)
def test_a_kept_promise_is_told_with_what_was_done(options: dict[str, Any], said: str) -> None:
    shown = explore(mended, no_visit_is_lost, **options)
    assert head(shown) == said
    assert ("<svg" in html(shown)) is ("code" in options)


def test_classes_are_explained_where_they_are_counted() -> None:
    few, many = explore(naive, clients=3), explore(naive, clients=3, schedules=60)
    assert module.CLASSES not in html(few)
    assert "36 classes of schedules" in html(many)
    assert module.CLASSES in html(many)


class Bar:
    """Stands for tqdm's."""

    made: ClassVar[list[Bar]] = []

    def __init__(self, desc: str, total: int, leave: bool) -> None:
        self.desc, self.total, self.n, self.closed = desc, total, 0, False
        Bar.made.append(self)

    def update(self, more: int) -> None:
        self.n += more

    def close(self) -> None:
        self.closed = True


def test_a_bar_for_each_stage_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "tqdm", Bar)
    Bar.made.clear()
    explore(mended, no_visit_is_lost, clients=(2, 3), faults=["crash"])
    assert [(bar.desc, bar.total) for bar in Bar.made] == [
        ("schedules of 2 clients", 2),
        ("schedules of 2 clients with one crash", 4),
        ("schedules of 3 clients", 6),
        ("schedules of 3 clients with one crash", 18),
    ]
    assert all(bar.closed for bar in Bar.made)
    assert [bar.n for bar in Bar.made] == [1, 3, 5, 17]


def test_in_a_notebook_the_bar_is_one_that_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """tqdm's own leaves a widget in the saved notebook whose model is gone."""
    made: list[Any] = []

    class Noted(Bar):
        def __init__(self, what: str, total: int, patience: float) -> None:
            super().__init__(what, total, leave=False)
            made.append(self)

    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "Bar", Noted)
    monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel="there"))
    explore(mended, no_visit_is_lost)
    assert [(bar.desc, bar.total, bar.n, bar.closed) for bar in made] == [("schedules of 2 clients", 2, 1, True)]


def test_the_bar_goes_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "tqdm", Bar)
    Bar.made.clear()

    def fails(run: Play) -> str:
        if len(Bar.made):
            raise LookupError("the judge is wrong")
        return ""

    with pytest.raises(LookupError):
        explore(mended, fails)
    assert Bar.made
    assert all(bar.closed for bar in Bar.made)


def test_an_interrupt_shows_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupts(bar: Any, tally: Tally) -> None:
        if tally.clients == 3 and tally.schedules == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(module._Bar, "__call__", interrupts)
    shown = explore(naive, no_visit_is_lost, clients=(2, 3))
    assert isinstance(shown.found, Findings)
    assert "Interrupted: this is what was found until then." in html(shown)
    assert head(shown) == "✗ Broken"
