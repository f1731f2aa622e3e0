"""Tells the width of the place in which a picture will be drawn, and lets the picture and what stands above it fit one
screen."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
const LEAST = 280, LARGE = 350;  // pixels of the screen: no picture is lower; for a projector, none in a large panel
const LOW = 480;  // a screen that is lower, as at a zoom of 200 %, cannot hold both: letters stay large

function render({ model, el }) {
  let frame = 0;
  const watched = new Set();
  const measure = () => {
    const here = el.getBoundingClientRect(), zoom = el.currentCSSZoom ?? 1;  // of a panel for a projector
    const wide = Math.floor(here.width / zoom);
    if (wide > 0 && wide !== model.get("wide")) { model.set("wide", wide); model.save_changes(); }
    const panel = el.closest(".course-panel"), screen = el.closest(".jp-WindowedPanel-outer, .jp-Notebook");
    if (!panel) return;
    const above = here.top - panel.getBoundingClientRect().top;
    const left = ((screen?.clientHeight ?? window.innerHeight) - above - 12) / zoom;
    const high = `${Math.max(left, (zoom > 1 ? LARGE : LEAST) / zoom)}px`;
    panel.style.setProperty("--left", (screen?.clientHeight ?? LOW) < LOW ? "none" : high);
    if (screen && !watched.has(screen)) { watched.add(screen); observer.observe(screen); observer.observe(panel); }
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
    """As a child of a box it is as wide as the box, and has no height: `wide` is its width in pixels, 0 until that is
    known.

    Within an element of the class `course-panel`, `--left` is how high the screen is without what is above the box: a
    picture whose `max-height` it is can be seen together with its controls.
    """

    _esm = _SCRIPT
    wide = traitlets.Int().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"width": "100%", "height": "0px", "margin": "0", "overflow": "hidden"})
