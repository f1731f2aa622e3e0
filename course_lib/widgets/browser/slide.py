"""Tells which cell of its notebook is the active one: while slides are shown, that of the slide. There Escape takes the
focus from a box or a button back to its cell, so that the arrows go from slide to slide again."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
const OWN = ".theatre-room, .course-keyed";  // these have keys, and give the focus back themselves

function render({ model, el }) {
  let book = null, due = 0, observer = null;
  const tell = () => {
    const cell = book.querySelector(".jp-Cell.jp-mod-active");
    if (!cell) return;
    const all = [...book.querySelectorAll(".jp-Cell")];  // of a long notebook those near the screen, with their places
    const place = Number(cell.dataset.windowedListIndex ?? all.indexOf(cell));
    if (place !== model.get("cell")) { model.set("cell", place); model.save_changes(); }
  };
  const leave = (event) => {
    if (event.key !== "Escape" || !document.body.dataset.jpDeckMode) return;
    if (!event.target.closest(".jp-Cell-outputArea") || event.target.closest(OWN)) return;
    event.target.closest(".jp-Cell").focus({ preventScroll: true });
  };
  const start = () => {
    book = el.closest(".jp-Notebook");
    if (!book) { due = setTimeout(start, 100); return; }  // only until the view is on the page
    book.addEventListener("keydown", leave, true);  // a box of ipywidgets lets no key through to its parents
    observer = new MutationObserver(() => { clearTimeout(due); due = setTimeout(tell, 30); });
    observer.observe(book, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    tell();
  };
  start();
  return () => { clearTimeout(due); observer?.disconnect(); book?.removeEventListener("keydown", leave, true); };
}
export default { render };
"""


class Slide(anywidget.AnyWidget):
    """`cell` is the place of the active cell of the notebook that shows this, counted from 0; -1 until it is known."""

    _esm = _SCRIPT
    cell = traitlets.Int(-1).tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"height": "0px", "margin": "0", "overflow": "hidden"})
