"""Picks a part of a picture by a click on it, also when the picture is drawn anew while the button is down."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let root = null, frame = 0, down = "";
  const part = (of) => of?.closest?.("[data-pick]")?.dataset.pick ?? "";
  const pick = (name) => { if (name) { model.set("picked", `${Date.now()} ${name}`); model.save_changes(); } };
  const heard = {
    pointerdown: ({ button, target }) => { down = button ? "" : part(target); },
    pointerup: ({ clientX: x, clientY: y }) => { if (down === part(document.elementFromPoint(x, y))) pick(down); },
    click: (event) => { if (!event.detail) pick(part(event.target)); },  // of no pointer: a screen reader's
  };
  const start = () => {
    root = el.parentElement;
    if (!root) { frame = requestAnimationFrame(start); return; }
    for (const [name, hear] of Object.entries(heard)) root.addEventListener(name, hear);
  };
  start();
  return () => {
    cancelAnimationFrame(frame);
    for (const [name, hear] of Object.entries(heard)) root?.removeEventListener(name, hear);
  };
}
export default { render };
"""


class Picking(anywidget.AnyWidget):
    """As a child of a box it hears clicks on parts with `data-pick`: `picked` is the time and the part."""

    _esm = _SCRIPT
    picked = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
