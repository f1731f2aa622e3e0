"""The progress bar: what it shows, when, and what is left of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from course_lib.widgets import progress as module
from course_lib.widgets.progress import Bar, progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A notebook's kernel, and the widgets that are displayed."""
    made: list[Any] = []
    monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel="there"))
    monkeypatch.setattr(module.fallback, "show", lambda box, still, uid, plain: made.append((box, still, plain)))
    monkeypatch.setattr(module, "EVERY", 0.0)
    return made


def test_a_bar_says_how_many_are_done_and_leaves_nothing(shown: list[Any]) -> None:
    bar, texts = Bar("five <nodes>", 3, patience=0.0), []
    for _ in range(3):
        bar.update()
        texts.append(shown[0][0].value)
    said = '<progress aria-label="five &lt;nodes&gt;" max="3" value="2"></progress> five &lt;nodes&gt;: 2 of 3'
    assert texts[1] == said
    assert shown == [(shown[0][0], "", "")]
    line = shown[0][0]
    bar.close()
    bar.close()
    assert line.comm is None or line.comm._closed


def test_what_is_quick_shows_no_bar(shown: list[Any]) -> None:
    assert list(progress({"a": 1, "b": 2}.items(), "pairs")) == [("a", 1), ("b", 2)]
    assert shown == []


def test_progress_counts_what_is_done_not_what_was_begun(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bar.__init__, "__kwdefaults__", {"patience": 0.0})
    seen = []
    for item in progress(range(3), "items"):
        seen.append((item, len(shown) and shown[0][0].value.rpartition(": ")[2]))
    assert seen == [(0, 0), (1, "1 of 3"), (2, "2 of 3")]


def test_outside_of_a_notebook_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.fallback, "show", lambda *_, **__: pytest.fail("nobody sees it"))
    with Bar("runs", patience=0.0) as bar:
        bar.update(7)
    assert bar.n == 7
