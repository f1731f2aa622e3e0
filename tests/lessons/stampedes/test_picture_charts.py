"""Charts and tables: they speak, and what they say is computed."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

from course_lib.lessons.stampedes.picture_charts import loads_per_expiry, remedies
from course_lib.views.expiries import expiries
from course_lib.views.table import table

ROWS = {
    "naive": {"loads": 101, "p99 (ms)": 820.5, "stale (%)": 0.0},
    "lock": {"loads": 1, "p99 (ms)": 114.5, "stale (%)": 0.0},
    "unheard of": {"loads": 2, "p99 (ms)": 8.0, "stale (%)": 5.5},
}


def test_the_remedies_are_named_with_their_numbers() -> None:
    picture = remedies(ROWS, {name: name.upper() for name in ROWS}, title="Three of them")
    ElementTree.fromstring(picture.svg)
    assert picture.alt.startswith("Three of them. NAIVE: 101 loads, p99 820.5 ms, 0 % stale;")
    assert 'role="img"' in picture.svg[:200]


def test_the_same_numbers_draw_the_same_picture() -> None:
    first, second = (remedies(ROWS, {name: name for name in ROWS}, title="T").svg for _ in range(2))
    assert first == second


def test_the_chart_of_xfetch_counts_the_points_that_agree() -> None:
    """The title is no fixed praise: points that lie far off are not counted."""
    errors = {0.7: 0.1, 1.0: 0.1}
    right = {beta: math.exp(1 / beta) for beta in errors}
    assert "2 of 2 lie within two standard errors" in loads_per_expiry(right, errors, seed=1).alt
    wrong = {**right, 1.0: 9.0}
    assert "1 of 2 lie within two standard errors" in loads_per_expiry(wrong, errors, seed=1).alt


def test_the_chart_of_expiries_counts_the_fullest_second() -> None:
    alt = expiries([60.0] * 10, [55.5] * 4 + [57.5] * 6, names=("without", "with")).alt
    assert alt == "Of 10 keys, the most that expire in one second: 10 without, 6 with."


def test_a_table_is_html_and_text_with_the_same_cells() -> None:
    made = table([{"who": "<a>", "loads": 1.0}, {"who": "b", "loads": 12.5}], caption="Two & more")
    shown = made._repr_html_()
    assert "&lt;a&gt;" in shown
    assert "Two &amp; more" in shown
    assert 'scope="row"' in shown
    assert repr(made).splitlines() == ["Two & more", "who  loads", "<a>      1", "b     12.5"]
    assert "<thead><tr><td></td><th " in table([{"": "a", "loads": 1}])._repr_html_()  # a header without a word is none
    assert table([]).rows == ()


def test_a_column_of_numbers_is_set_from_the_right_and_one_of_words_from_the_left() -> None:
    """A number may have a unit; what begins with a number and goes on in words is words."""
    row = {"who": "a", "setting": "300 × 1/s, load 0.1 s", "share": "80 %", "size": "1,000 kB", "at": "−0.25"}
    shown = table([row])._repr_html_()
    assert '<td class="words">300 × 1/s' in shown
    assert "<td>80 %</td><td>1,000 kB</td><td>−0.25</td>" in shown
