"""Keeps the current line of a text trace in view, and reports a click on a line or on a message of the picture."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let frame = 0;
  const box = () => document.querySelector("." + model.get("uid") + "-live");
  const follow = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => requestAnimationFrame(() => {  // after the list itself was drawn
      const row = box()?.querySelector("li.r" + model.get("row"));
      const list = row?.closest("ol");
      if (!list) return;
      const gap = row.getBoundingClientRect().top - list.getBoundingClientRect().top;
      list.scrollTop += gap - (list.clientHeight - row.offsetHeight) / 2;
    }));
  };
  const pick = (event) => {
    const hit = event.target.closest?.("li, g.m");
    if (!hit || !box()?.contains(hit)) return;
    const place = [...hit.classList].find((name) => /^[er][0-9]+$/.test(name));
    if (place) { model.set("picked", place); model.save_changes(); }
  };
  model.on("change:row", follow);
  document.addEventListener("click", pick);
  return () => {
    cancelAnimationFrame(frame);
    model.off("change:row", follow);
    document.removeEventListener("click", pick);
  };
}
export default { render };
"""


class Follow(anywidget.AnyWidget):
    """`row` is the line to keep in view; `picked` becomes `r7` or `e7` when line or event 7 was clicked."""

    _esm = _SCRIPT
    uid = traitlets.Unicode().tag(sync=True)
    row = traitlets.Int(-1).tag(sync=True)
    picked = traitlets.Unicode().tag(sync=True)

    def __init__(self, uid: str) -> None:
        super().__init__(uid=uid, layout={"display": "none"})
