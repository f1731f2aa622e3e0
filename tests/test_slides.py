"""`make live`: what shows decks as slides is fetched once, into a folder of its own, and is never a reason to stop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from test_make import MAKEFILE, make

from course_lib import groups, slides
from course_lib.bootstrap import Refusal


def test_the_packages_are_pinned_and_not_in_the_environment() -> None:
    """Exactly the versions that were rehearsed; `make lab` has no button of theirs."""
    names = []
    for pin in slides.PINS:
        requirement = Requirement(pin)
        assert re.fullmatch(r"==[\d.]+", str(requirement.specifier)), pin
        names.append(requirement.name)
    assert "jupyterlab-slideshow" in names
    lock = (groups.ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not [name for name in names if f"\n{name}==" in lock]


def test_it_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when the pins change, or when it was interrupted."""
    ran: list[tuple[str, ...]] = []

    def fetch(*command: str) -> None:
        ran.append(command)
        tmp_path.joinpath("live").mkdir()

    monkeypatch.setattr(slides, "run", fetch)
    slides.main(tmp_path / "live")
    slides.main(tmp_path / "live")
    assert len(ran) == 1
    assert ran[0][-len(slides.PINS) :] == tuple(slides.PINS)
    assert str(tmp_path / "live") in ran[0]
    assert "--no-deps" in ran[0], "else the environment's own packages would come in other versions"
    (tmp_path / "live" / groups.STAMP).write_text("of other pins")
    slides.main(tmp_path / "live")
    assert len(ran) == 2


def test_without_an_index_the_decks_are_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so in a sentence, ends without an error, and tries again the next time."""

    def refuse(*_: str) -> None:
        raise Refusal("The package index cannot be reached.", [])

    monkeypatch.setattr(slides, "run", refuse)
    slides.main(tmp_path / "live")
    assert "so the decks open as notebooks. The package index cannot be reached." in capsys.readouterr().err
    assert not groups.is_built(tmp_path / "live", slides.PINS)


def test_a_room_is_led_to_the_lesson_in_the_edition_for_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is built, how to serve it on this machine; where it is published, its address; else not a word."""
    monkeypatch.delenv("COURSE_EDITION", raising=False)
    deck = "notebooks/decks/05_stampede.ipynb"
    assert slides.for_the_room(deck, tmp_path) == ""
    built = tmp_path / slides.EDITION
    (built / "files" / "notebooks").mkdir(parents=True)
    for name in ("index.html", "files/notebooks/00_cache_aside.ipynb", "files/notebooks/05_stampedes.ipynb"):
        (built / name).touch()
    told = slides.for_the_room(deck, tmp_path)
    assert "http://127.0.0.1:8000/lab/index.html?path=notebooks/05_stampedes.ipynb." in told
    assert f"--bind 127.0.0.1 -d {slides.EDITION}" in told
    assert "lab/index.html." in slides.for_the_room("notebooks/decks/01_ok_and_gone.ipynb", tmp_path)
    monkeypatch.setenv("COURSE_EDITION", "https://shop.example/lite/")
    monkeypatch.setattr(slides, "run", lambda *_: tmp_path.joinpath("live").mkdir())
    slides.main(tmp_path / "live", deck)
    assert "in a browser alone: https://shop.example/lite/lab/index.html" in capsys.readouterr().err


def test_make_live_opens_a_deck_that_is_there() -> None:
    """The first deck, or the one that is named, in the JupyterLab of `make lab`, which finds the extension."""
    printed = make("-n", "live")
    (deck,) = re.findall(r'default_url="/lab/tree/([^"]+)"', printed)
    assert (groups.ROOT / deck).is_file()
    assert 'JUPYTER_PATH="' in printed
    assert ".venv/live/share/jupyter" in printed
    assert f'-m course_lib.slides "{groups.ROOT}/.venv/live" "{deck}"' in printed
    assert 'default_url="/lab/tree/notebooks/decks/x.ipynb"' in make("-n", "live", "DECK=notebooks/decks/x.ipynb")
    assert 'default_url="/lab/tree/notebooks/README.md"' in make("-n", "lab")
    assert "listen" not in MAKEFILE, "it listens where `make lab` does: on 127.0.0.1"
