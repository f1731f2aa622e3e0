"""The lab without a browser: the latest change wins, a long run can be stopped, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ipywidgets
import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.stampedes.lab import stampede_lab
from course_lib.views.picture import Picture
from course_lib.widgets.lab import Experiment, Lab


@dataclass(frozen=True)
class Given:
    size: int = 1
    seed: int = 1


class Counting(Experiment[Given, int]):
    """An experiment that counts what was begun, finished and closed early; `slices` says how long a run is."""

    def __init__(self, slices: int = 3) -> None:
        self.slices = slices
        self.begun: list[int] = []
        self.finished: list[int] = []
        self.closed: list[int] = []
        super().__init__(
            Given(),
            lambda given: {"size": ipywidgets.IntSlider(given.size, 0, 1000)},
            self.counted,
            picture=lambda result: Picture(f"<svg>{result}</svg>", f"size {result}"),
            row=lambda result: {"size": result},
            says=lambda result: f"It is < {result + 1}." if result > 1 else "",
        )

    def controls(self) -> dict[str, ipywidgets.Widget]:
        return {**super().controls(), "seed": ipywidgets.BoundedIntText(1, 0, 3)}

    def counted(self, given: Given) -> Iterator[tuple[float, int]]:
        size = given.size
        if size == 13:
            raise BadArgument("size is 13; accepted: anything else")
        self.begun.append(size)
        try:
            for number in range(self.slices):
                yield (number + 1) / self.slices, size
            self.finished.append(size)
        except GeneratorExit:
            self.closed.append(size)
            raise


def moved(lab: Lab[int], *values: int) -> None:
    """Move the slider as a front end does, each value in a turn of the loop, then wait until the lab has settled."""

    async def main() -> None:
        for value in values:
            lab._controls["size"].value = value
            await asyncio.sleep(0)
        assert lab._task is not None
        await asyncio.wait([lab._task], timeout=60)

    asyncio.run(main())


async def until(so: Callable[[], bool]) -> None:
    """What ends the test if it never is so is the caller's time-out."""
    while not so():
        await asyncio.sleep(0.001)


def test_a_dragged_slider_simulates_the_last_value_only() -> None:
    """The control: as many moves, each left to settle, are as many simulations."""
    experiment = Counting()
    lab = Lab(experiment)
    moved(lab, *range(2, 52))
    assert experiment.begun == [1, 51]
    assert lab.result == 51
    assert lab._picture.value == "<svg>51</svg>"
    for value in (60, 61):
        moved(lab, value)
    assert experiment.begun == [1, 51, 60, 61]


def test_a_change_during_a_run_overtakes_it() -> None:
    """The overtaken run is closed where it stood, and its picture is never shown."""
    experiment = Counting(slices=1)
    lab = Lab(experiment)
    shown: list[str] = []
    lab._picture.observe(lambda change: shown.append(change["new"]), "value")

    async def main() -> None:
        experiment.slices = 10**9
        lab._controls["size"].value = 500
        await until(lambda: 500 in experiment.begun)
        experiment.slices = 10
        lab._controls["size"].value = 7
        await until(lambda: lab.result == 7)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert experiment.closed == [500]
    assert shown == ["<svg>7</svg>"]


def test_a_slider_that_is_held_moves_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes that come faster than a run takes: those that have begun are shown, in order, and the last one last."""
    experiment = Counting(slices=1)
    lab = Lab(experiment)
    shown: list[int] = []
    lab._picture.observe(lambda change: shown.append(int(change["new"][5:-6])), "value")
    monkeypatch.setattr("course_lib.widgets.lab.SOON", 30.0)  # here the machine is as slow as it likes
    experiment.slices = 20

    async def main() -> None:
        for value in range(2, 30):
            begun = len(experiment.begun)
            lab._controls["size"].value = value
            if value < 5:  # the next change finds a run under way
                await until(lambda begun=begun: len(experiment.begun) > begun)
            await asyncio.sleep(0.001)
        await until(lambda: lab.result == 29)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert shown == sorted(shown)
    assert shown[0] == 2
    assert shown[-1] == 29
    assert experiment.closed == []


@pytest.mark.parametrize("begun", [True, False])
def test_stop_keeps_the_last_picture_and_says_so(begun: bool) -> None:
    """Also where the run has not begun yet, as when Stop comes together with a last change."""
    experiment = Counting(slices=1)
    lab = Lab(experiment)
    experiment.slices = 10**9

    async def main() -> None:
        lab._controls["size"].value = 500
        task = lab._task
        assert task is not None
        await until(lambda: not begun or 500 in experiment.begun)
        assert lab._stop.disabled is not begun
        lab._stop.click()
        await asyncio.wait([task], timeout=60)

    asyncio.run(main())
    assert lab._picture.value == "<svg>1</svg>"
    assert "Stopped" in lab._says.value
    assert lab._stop.disabled
    assert experiment.closed == [500] * begun


def test_a_change_that_comes_together_with_stop_is_run() -> None:
    """Before the run that was stopped has had a turn of the loop in which to end."""
    experiment = Counting(slices=1)
    lab = Lab(experiment)
    experiment.slices = 10**9

    async def main() -> None:
        lab._controls["size"].value = 500
        await until(lambda: 500 in experiment.begun)
        lab._stop.click()
        experiment.slices = 1
        lab._controls["size"].value = 7
        await until(lambda: lab.result == 7)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert experiment.closed == [500]


def test_an_error_is_said_and_the_last_picture_stays() -> None:
    lab = Lab(Counting())
    moved(lab, 13)
    assert "size is 13; accepted: anything else" in lab._says.value
    assert lab._picture.value == "<svg>1</svg>"
    moved(lab, 14)
    assert (lab._says.value, lab._picture.value) == ("It is &lt; 15.", "<svg>14</svg>")


def test_a_program_sets_controls_by_name() -> None:
    experiment = Counting()
    lab = Lab(experiment)
    assert lab.set(size=5, seed=2) == 5
    assert lab.values == {"size": 5, "seed": 2}
    assert experiment.begun == [1, 5]
    with pytest.raises(KeyError, match="there is no control 'sise'; there are size, seed"):
        lab.set(sise=1)


def test_again_counts_the_seed_up_and_begins_anew_at_its_end() -> None:
    lab = Lab(Counting())

    async def main() -> None:
        for _ in range(3):
            lab._again.click()
            await asyncio.sleep(0.05)

    asyncio.run(main())
    assert lab.values["seed"] == 0


def test_where_chance_plays_no_part_again_is_locked_and_says_why() -> None:
    experiment = Counting()
    experiment.ignored = lambda given: {"seed": "Nothing is drawn."} if given.size > 5 else {}
    lab = Lab(experiment)
    assert not lab._again.disabled
    lab.set(size=6)
    assert (lab._again.disabled, lab._again.tooltip) == (True, "Nothing is drawn.")


def test_the_sentence_stands_below_the_picture_and_above_the_table() -> None:
    lab = Lab(Counting())
    both, *below = lab.box.children
    assert lab._picture in both.children[1].children
    assert below[:2] == [lab._says, lab._table]


def test_kept_runs_stand_in_the_table_until_it_is_cleared() -> None:
    lab = Lab(Counting())
    lab._keep.click()
    lab.set(size=9)
    assert lab._table.value.count("<tr>") == 3
    assert "kept 1" in lab._table.value
    lab._clear.click()
    assert lab._table.value.count("<tr>") == 2


def test_the_stampede_lab_shows_the_numbers_of_its_run() -> None:
    lab = stampede_lab(strategy="naive", clients=100)
    loads = len(lab.result.loads) if lab.result else 0
    assert f"<td>{loads}</td>" in lab._table.value
    assert f"{loads} loads" in lab._picture.value
    assert len(lab.set(strategy="lock").loads) == 1
    assert "Lock and wait: 1 load," in lab._picture.value
    assert lab._says.value == "One client loads, and the others wait for its value."
