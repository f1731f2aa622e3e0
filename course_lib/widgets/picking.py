"""Picks a part of a picture: by a click on it, and by a row of buttons that say which of them is pressed."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let root = null, frame = 0, observer = null;
  const pick = (event) => {
    const hit = event.target.closest?.("[data-pick]");
    if (hit) { model.set("picked", `${Date.now()} ${hit.dataset.pick}`); model.save_changes(); }
  };
  const say = () => {  // ipywidgets marks the chosen toggle button by a class only
    for (const button of root.querySelectorAll(".widget-toggle-button")) {
      const pressed = String(button.classList.contains("mod-active"));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  };
  const start = () => {
    root = el.parentElement;
    if (!root) { frame = requestAnimationFrame(start); return; }
    root.addEventListener("click", pick);
    observer = new MutationObserver(say);
    observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    say();
  };
  start();
  return () => { cancelAnimationFrame(frame); observer?.disconnect(); root?.removeEventListener("click", pick); };
}
export default { render };
"""


class Picking(anywidget.AnyWidget):
    """Among the children of a box it hears a click on any part with `data-pick`: `picked` is when, and which."""

    _esm = _SCRIPT
    picked = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
