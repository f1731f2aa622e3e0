"""The look at finished pages finds what leads nowhere and what comes from elsewhere, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.website.links import faults

GOOD = """<html><head><link rel="stylesheet" href="s/a.css?v=1"><link rel="next" href="b/two.html"></head>
<body><h1 id="top">A</h1><a href="b/two.html#x">two</a><a href="#top">up</a><a href="https://redis.io/docs">docs</a>
<img src="data:image/png;base64,AA=="><img src="s/p%20q.png"><svg><use href="#mark"/></svg></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for folder in ("b", "s"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one.html").write_text(GOOD)
    (tmp_path / "b" / "two.html").write_text('<a name="x"></a><a href="../one.html">back</a>')
    (tmp_path / "s" / "a.css").write_text(
        "b{background:url('p q.png')} c{mask:url(data:image/svg+xml;,x)} d{fill:url(#g)}"
    )
    (tmp_path / "s" / "p q.png").write_bytes(b"")
    return tmp_path


def test_a_site_whose_links_hold_has_no_faults(site: Path) -> None:
    assert list(faults(site)) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="one.html#gone">x</a>', "one.html#gone leads nowhere"),
        ('<a href="../outside.html">x</a>', "../outside.html leads nowhere"),
        ('<a href="javascript:alert(1)">x</a>', "javascript:alert(1) leads nowhere"),
        ('<a href="file:///x/one.html">x</a>', "file:///x/one.html leads nowhere"),
        ('<script src="https://cdn.example/x.js"></script>', "https://cdn.example/x.js is loaded, and is not there"),
        ('<img src="//cdn.example/x.png">', "//cdn.example/x.png is loaded, and is not there"),
        ('<link rel="preconnect" href="https://fonts.example">', "https://fonts.example is loaded, and is not there"),
        ("<style>@import 'https://fonts.example/a.css';</style>", "https://fonts.example/a.css is loaded, and is not"),
        ('<p style="background:url(gone.png)">x</p>', "gone.png is loaded, and is not there"),
    ],
)
def test_a_fault_is_found_and_named(site: Path, wrong: str, fault: str) -> None:
    (site.parent / "outside.html").write_text("")
    (site / "wrong.html").write_text(wrong)
    (found,) = faults(site)
    assert found.startswith(f"wrong.html: {fault}")


def test_a_style_sheet_that_asks_another_host_is_found(site: Path) -> None:
    (site / "s" / "b.css").write_text("@font-face{src:url(https://fonts.example/f.woff2)}")
    assert list(faults(site)) == ["s/b.css: https://fonts.example/f.woff2 is not there"]
