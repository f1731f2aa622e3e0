"""What all pages of a report share: one file each, no script, nothing from elsewhere, light or dark as the reader's."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.grading.page import STYLE
from course_lib.views.palette import ALARM, FAINT, GREEN, INK, PAPER, RULE, WELL, WORDS
from course_lib.views.picture import escape

THEMES = """<style>
:root{color-scheme:light dark;--jp-ui-font-color1:#222;--jp-ui-font-color2:#555;--jp-layout-color0:#fff;
--jp-border-color2:#d0d0d0}
@media (prefers-color-scheme:dark){:root{--jp-ui-font-color1:#e8e8e8;--jp-ui-font-color2:#b0b0b0;
--jp-layout-color0:#161616;--jp-border-color2:#4a4a4a}}
@media print{:root{--jp-ui-font-color1:#000;--jp-ui-font-color2:#444;--jp-layout-color0:#fff;--jp-border-color2:#ccc}}
</style>"""
OWN = f"""<style>
body{{margin:0 auto;padding:16px 20px 60px;max-width:1000px;font:15px/1.55 {WORDS};color:{INK};background:{PAPER};
overflow-wrap:break-word}}
h1{{font-size:24px;margin:8px 0 2px}} h2{{font-size:18px;margin:32px 0 8px;border-bottom:1px solid {RULE}}}
h3{{font-size:15px;margin:22px 0 6px}} a{{color:inherit}} p{{margin:8px 0}} h1,li{{overflow-wrap:anywhere}}
.sum{{font-size:18px;margin:0 0 14px}} .faint{{color:{FAINT}}} .one{{white-space:nowrap}}
.report{{border-collapse:collapse;width:100%;margin:8px 0}}
.report th{{text-align:left;color:{FAINT};font-weight:600}} .report td,.report th{{padding:4px 12px 4px 0;
border-bottom:1px solid {RULE};vertical-align:top}}
.report .n{{text-align:right;white-space:nowrap;padding:4px 0 4px 12px}}
.good{{color:{WELL};font-weight:600}} .bad{{color:{ALARM};font-weight:600}} .wide{{overflow-x:auto}}
.hand{{border-left:5px solid {FAINT};padding:4px 10px;margin:8px 0}}
.share{{display:inline-block;width:110px;height:10px;border:1px solid {FAINT};vertical-align:middle;margin-right:8px}}
.share span{{display:block;height:100%;background:{GREEN}}}
.course-check{{max-width:none!important}} section{{margin:26px 0}} code{{font-size:13px}}
pre{{white-space:pre-wrap;font-size:12px}}
@media (max-width:640px){{body{{padding:10px 12px 40px}} .share{{display:none}}
.course-check th:nth-child(2),.course-check td:nth-child(2){{display:none}}}}
</style>"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Should anything from an answer ever get into a page, the browser neither runs nor fetches it."""
LABELS = {
    "passed": "✓ passed", "failed": "✗ not yet", "error": "✗ cannot be judged", "timeout": "✗ took too long",
    "out-of-memory": "✗ too much memory", "missing": "○ missing", "unanswered": "○ not answered",
    "unreadable": "✗ unreadable", "not judged": "… not judged yet",
}  # fmt: skip


def document(title: str, *parts: str) -> str:
    """A whole page."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"{THEMES}\n{STYLE}\n{OWN}\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def label(status: str) -> str:
    """A status, marked by a sign and a color."""
    tone = "good" if status == "passed" else "bad" if LABELS.get(status, "✗").startswith("✗") else "faint"
    return f'<span class="{tone}">{escape(LABELS.get(status, status))}</span>'


def rows(head: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> str:
    """A table of cells that are HTML already. A heading that ends with `#` is of numbers, at the right."""
    numeric = [name.endswith("#") for name in head]
    heads = "".join(f'<th scope="col"{_kind(n)}>{name.rstrip("#")}</th>' for name, n in zip(head, numeric, strict=True))
    lines = "".join(
        f"<tr>{''.join(f'<td{_kind(n)}>{cell}</td>' for cell, n in zip(row, numeric, strict=True))}</tr>\n"
        for row in body
    )
    table = f'<table class="report"><thead><tr>{heads}</tr></thead><tbody>\n{lines}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def listing(items: list[str]) -> str:
    """A list of texts."""
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def _kind(numeric: bool) -> str:
    return ' class="n"' * numeric
