"""Sphinx's configuration, which runs in `.venv/site`; `make site` says where sources, scripts and pages are.

Nothing is loaded from another host: formulas become MathML, which browsers draw themselves, the scripts of widgets lie
beside the pages, and the theme brings its own fonts.
"""

from __future__ import annotations

import os
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

project = "Caching with Redis"
author = "the course's authors"
copyright = "code: MIT; prose: CC BY 4.0"
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["**/*.py"]
suppress_warnings = ["myst.xref_missing"]  # anchors in raw HTML are unknown to it; links.py looks at every one

nb_execution_mode = "off"  # executed.py has run them
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_ipywidgets_js: dict[str, dict[str, str]] = {"require.js": {}, "widgets.js": {}, "embed-amd.js": {}}
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_digits = False  # $12 is a price

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = os.environ.get("COURSE_SITE_STATIC", "static").split(os.pathsep)
html_css_files = ["site.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("live.js", "site.js")]  # once the page is there
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}
html_sidebars = {"index": [], "progress": [], "exercises/README": ["sidebar-nav-bs"]}
html_context = {"default_mode": "auto"}


def _inline(page: Any, node: Any) -> None:
    page.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(page: Any, node: Any) -> None:
    page.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Formulas as MathML."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
