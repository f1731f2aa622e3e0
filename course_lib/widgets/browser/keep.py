"""Keeps plain keys that are pressed in a widget from JupyterLab, which has meanings of its own for them.

`x` cuts a cell, `b` adds one, an arrow goes to another cell; JupyterLab hears them in the outputs of a notebook too. It
leaves alone what has the attribute `data-lm-suppress-shortcuts`. As long as a plain key is pressed in the widget, its
target has that attribute; It does not have it for Control-S and the like, or for keys that lead out of the widget.
"""

from __future__ import annotations

KEEP = """
const KEEP = "data-lm-suppress-shortcuts", MODIFIERS = ["Control", "Shift", "Alt", "Meta", "CapsLock"];

function keepKeys(el) {
  let root = null;
  const stop = (event) => {  // else the notebook would give the focus to its active cell, whatever the key
    if (event.target.hasAttribute(KEEP) || event.key === "Tab") event.stopPropagation();
  };
  const keep = (event) => {
    const target = event.target;
    if (!el.parentElement?.contains(target)) return;
    if (root !== el.parentElement) (root = el.parentElement).addEventListener("keydown", stop);
    const chord = event.ctrlKey || event.altKey || event.metaKey;
    const leaves = event.key === "Escape" || (event.key === "Enter" && event.shiftKey);
    const idle = target === root || target.hasAttribute("data-walks");  // no control has the focus: on to other cells
    const walks = idle && event.key.startsWith("Arrow");
    target.toggleAttribute(KEEP, MODIFIERS.includes(event.key) || !(chord || leaves || walks));
  };
  window.addEventListener("keydown", keep, true);  // before the document, where JupyterLab hears them
  return () => {
    window.removeEventListener("keydown", keep, true);
    root?.removeEventListener("keydown", stop);
  };
}
"""
"""JavaScript: `keepKeys(el)` keeps the keys that are pressed in the box around `el`, and returns what ends that."""
