"""Picks a part of a picture by a click on it."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let root = null, frame = 0;
  const pick = (event) => {
    const hit = event.target.closest?.("[data-pick]");
    if (hit) { model.set("picked", `${Date.now()} ${hit.dataset.pick}`); model.save_changes(); }
  };
  const start = () => {
    root = el.parentElement;
    if (!root) { frame = requestAnimationFrame(start); return; }
    root.addEventListener("click", pick);
  };
  start();
  return () => { cancelAnimationFrame(frame); root?.removeEventListener("click", pick); };
}
export default { render };
"""


class Picking(anywidget.AnyWidget):
    """As a child of a box it hears clicks on parts with `data-pick`: `picked` is the time and the part."""

    _esm = _SCRIPT
    picked = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
