"""A page with nothing on it but a theatre, as anywidget would show it: its script with a model of plain values."""

from __future__ import annotations

import json
from typing import Any

from course_lib.widgets.theatre import HERE, Theatre

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Theatre</title><style>@css
body {{ margin: 0; font-family: sans-serif; background: {paper}; }} #room {{ width: {wide}px; }}</style></head>
<body data-jp-theme-light="{light}"><div id="room"></div><script type="module">
@js
const heard = {{}}, values = @values;
window.model = {{
  get: (name) => values[name],
  set: (name, value) => {{
    const was = values[name];
    values[name] = value;
    if (was !== value) (heard[name] ?? []).forEach((f) => f());
  }},
  save_changes: () => {{}},
  on: (event, f) => (heard[event.split(":")[1]] ??= []).push(f),
  off: () => {{}},
}};
window.end = render({{ model: window.model, el: document.getElementById("room") }});
</script></body></html>"""


def page_of(shown: Theatre, *, theme: str = "light", wide: int = 1180) -> str:
    """The page as HTML."""
    values: dict[str, Any] = {name: getattr(shown.stage, name) for name in ("play", "looks", "projector", "position")}
    paper = shown.stage.looks[("projector " if shown.stage.projector else "") + theme]["paper"]
    page = _PAGE.format(wide=wide, light="true" if theme == "light" else "false", paper=paper)
    script = (HERE / "theatre.js").read_text(encoding="utf-8").replace("export default { render };", "")
    parts = {"@css": (HERE / "theatre.css").read_text(encoding="utf-8"), "@js": script}
    parts["@values"] = json.dumps(values).replace("</", "<\\/")
    for name, part in parts.items():
        page = page.replace(name, part, 1)
    return page
