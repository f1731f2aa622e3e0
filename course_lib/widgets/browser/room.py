"""Tells how wide the place is in which a picture is to be drawn."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let frame = 0;
  const measure = () => {
    const wide = Math.floor(el.getBoundingClientRect().width);
    if (wide > 0 && wide !== model.get("wide")) { model.set("wide", wide); model.save_changes(); }
  };
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(measure);
  });
  observer.observe(el);
  return () => { cancelAnimationFrame(frame); observer.disconnect(); };
}
export default { render };
"""


class Room(anywidget.AnyWidget):
    """As a child of a box it is as wide as that, and not high: `wide` is its width in pixels, 0 until that is known."""

    _esm = _SCRIPT
    wide = traitlets.Int().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"width": "100%", "height": "0px", "margin": "0", "overflow": "hidden"})
