"""Keys for a whole panel: what is pressed while the focus is anywhere in it except in a text field.

It also sets `aria-pressed` on each toggle button, which ipywidgets only marks by a class. And it keeps the focus on a
toggle button when the kernel presses one, for then ipywidgets replaces all of them.
"""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  let root = null, frame = 0, observer = null, held = null;
  const typed = (target) => target.matches("input, textarea, select, [contenteditable=true]");
  const press = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typed(event.target)) return;
    if (!model.get("heard").includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();  // JupyterLab has meanings of its own for single keys
    model.set("pressed", `${event.key}${Date.now()}`);
    model.save_changes();
  };
  const hold = (event) => { held = event.target; };
  const say = () => {
    if (held && !held.isConnected && document.activeElement === document.body) {
      (root.querySelector(".widget-toggle-button.mod-active") ?? root).focus();  // ipywidgets has made its buttons anew
    }
    for (const button of root.querySelectorAll(".widget-toggle-button")) {
      const pressed = String(button.classList.contains("mod-active"));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  };
  const start = () => {
    root = el.parentElement;
    if (!root) { frame = requestAnimationFrame(start); return; }
    root.tabIndex = 0;
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("keydown", press);
    root.addEventListener("focusin", hold);
    observer = new MutationObserver(say);
    observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    say();
  };
  start();
  return () => {
    cancelAnimationFrame(frame);
    observer?.disconnect();
    root?.removeEventListener("keydown", press);
    root?.removeEventListener("focusin", hold);
  };
}
export default { render };
"""


class Pressed(anywidget.AnyWidget):
    """As a child of a box it hears the keys in `heard`, a character each. `pressed` is key and time: `3169…`."""

    _esm = _SCRIPT
    heard = traitlets.Unicode().tag(sync=True)
    pressed = traitlets.Unicode().tag(sync=True)

    def __init__(self, keys: str) -> None:
        super().__init__(layout={"display": "none"}, heard=keys)
