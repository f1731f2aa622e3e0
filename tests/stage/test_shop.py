"""The shop that the failure deck breaks: each failure breaks the usual programs, and none of them the mended ones."""

from __future__ import annotations

import pytest
from thorough import THOROUGH

from course_lib.errors import BadReplayCode
from course_lib.explore import Schedule, decode, encode
from course_lib.stage.consequences import line
from course_lib.stage.ledger import SLOTS, Account, Ledger
from course_lib.stage.presses import FAULTS, Press, Scene, scene_of
from course_lib.stage.simulated import Played, simulated
from course_lib.trace import Trace

BREAKS = {
    "K": "gone", "P": "gone", "H": "overwritten by a worker that had lost its lock", "E": "loads at once",
    "C": "loads at once", "R": "stored twice",
}  # fmt: skip
"""What each failure alone does to the usual programs; more clients alone do nothing."""


def played(*presses: tuple[str, int], mended: bool = False, seed: int = 1) -> Played:
    return simulated(Scene(tuple(Press(*press) for press in presses), mended, seed))


@pytest.mark.parametrize(("place", "letter"), list(enumerate(BREAKS)))
def test_a_failure_breaks_the_usual_programs_and_not_the_mended_ones(place: int, letter: str) -> None:
    """Whenever it is pressed and with each seed. The control is the other version of the same programs."""
    moments, seeds = ((700, 1500, 2600), range(1, 7)) if THOROUGH else ((700 + 400 * place,), (place + 1,))
    for seed in seeds:
        for ms in moments:
            usual, mended = (played((letter, ms), mended=version, seed=seed).account for version in (False, True))
            assert len(usual.broken) == 1
            assert BREAKS[letter] in usual.broken[0]
            assert mended.broken == []


def test_nothing_breaks_unless_something_is_pressed() -> None:
    for mended in (False, True):
        account = played(mended=mended).account
        assert account.text == "every promise is kept"
        assert account.failed == 0
        assert account.shown > 200
        assert account.orders > 25


def test_a_crowd_is_harmless_until_the_page_expires() -> None:
    """100 more readers cost one load while the page is there; when it expires they load beside each other."""
    crowd, expired = played(("A", 900)).account, played(("A", 900), ("E", 1500)).account
    assert (crowd.broken, crowd.at_once) == ([], 1)
    assert expired.at_once > 2 * SLOTS


def test_a_scene_is_the_same_run_every_time() -> None:
    one, other = (played(("P", 900), ("H", 2000), seed=3) for _ in range(2))
    assert one.trace.digest() == other.trace.digest()
    assert one.account == other.account
    assert played(("P", 900), ("H", 2000), seed=4).trace.digest() != one.trace.digest()


def test_a_code_holds_the_scene() -> None:
    scene = Scene((Press("K", 1200), Press("R", 2000)), True, 7, 5)
    assert scene.code.startswith("R2-failures.mended-5-S7K1200.R2000.-")
    assert scene_of(scene.code.lower()) == scene
    for bad, why in (
        (scene.code.replace("1200", "1300"), "mistyped"),
        ("R2-counter.naive-2-0110-XXXXX", "mistyped"),
        ("R1-failures-8-S1-XXXXX", "earlier edition"),
    ):
        with pytest.raises(BadReplayCode, match=why):
            scene_of(bad)


def test_another_games_code_is_refused() -> None:
    code = encode("counter.naive", Schedule(2, turns=(0, 1, 1, 0)))
    with pytest.raises(BadReplayCode, match="not to the failure deck"):
        scene_of(code)
    with pytest.raises(BadReplayCode, match="type it into the failure deck"):
        decode(encode("failures", Schedule(2, turns=(0,))), "counter.naive")


def test_keys_and_letters_are_distinct() -> None:
    """No letter is one that a code takes for a digit; no key is one of the theatre's."""
    assert len({fault.key for fault in FAULTS} | set("ubrm f,.-+=")) == len(FAULTS) + 11
    assert not {fault.letter for fault in FAULTS} & set("OIL")


def test_what_followed_is_what_the_press_changed() -> None:
    before = Account(shown=200, failed=0, loads=1, at_once=1, orders=40, gone=0, twice=0, late=0, refused=0)
    after = Account(shown=170, failed=30, loads=1, at_once=1, orders=38, gone=1, twice=0, late=0, refused=0)
    assert line(Press("K", 1234), before, after) == (
        "1.2 s  kill primary: pages failed 0 → 30, acknowledged orders gone 0 → 1"
    )
    assert line(Press("K", 1234), after, after).endswith("nothing that a customer would see")
    assert line(Press("K", 1234), None, after) == "1.2 s  kill primary"


def test_a_late_result_counts_only_if_it_was_accepted() -> None:
    ledger = Ledger()
    assert not ledger.writes(2, accepted=True)
    assert not ledger.writes(1, accepted=False)
    assert ledger.writes(1, accepted=True)
    told = ledger.account(Trace())
    assert (told.late, told.refused) == (1, 1)


def test_a_press_strikes_at_its_millisecond() -> None:
    assert Press("K", 940).seconds == 0.94
