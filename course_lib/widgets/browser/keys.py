"""Keys for a whole panel: what is pressed while the focus is anywhere in it except in a text field.

The panel takes the focus when its cell has been run by itself, or when it is clicked; a ring and a line of text show
whether it has it. JupyterLab gets none of its keys (`keep`). Escape gives the focus back to the cell.

It also sets `aria-pressed` on each toggle button, which ipywidgets only marks by a class. And it keeps the focus when
the control that has it goes away: when a button is locked or hidden, and when ipywidgets makes toggle buttons anew.
"""

from __future__ import annotations

from itertools import count

import anywidget
import traitlets

_SCRIPT = """
const FIELD = "input, textarea, select, [contenteditable=true]", CONTROL = `${FIELD}, button:enabled, summary, a`;
const JUST_RUN = ".jp-Cell, .jp-Notebook, .jp-NotebookPanel-toolbar *";  // where the focus is after Run
const WITH = "Keys work here, as this panel has the focus. Esc leaves it.", WITHOUT = "Click here to use keys.";

function render({ model, el }) {
  let root = null, frame = 0, observer = null, held = null, group = null, greeting = false;
  const take = () => root.focus({ preventScroll: true });
  const hear = (event) => {
    if (!root.contains(event.target)) return;
    if (event.ctrlKey || event.altKey || event.metaKey) { setTimeout(stay, 0, event.target); return; }
    const field = event.target.matches(FIELD), key = event.key.toLowerCase();
    if (key === "escape") { field ? take() : root.closest(".jp-Cell")?.focus({ preventScroll: true }); return; }
    if (field || key.length > 1 || !model.get("heard").includes(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();  // this is the first listener of all: nobody else hears it
    if (event.repeat) return;
    model.send({ key });  // not a value to save: of several that are quick, only the last would arrive
  };
  const stay = (had) => {  // after Control-S the notebook gives the focus to its active cell
    const has = document.activeElement;
    if (has !== had && has.matches(".jp-Cell") && !has.contains(root)) greet();
  };
  const click = (event) => { if (!event.target.closest(CONTROL)) take(); };
  const hold = (event) => {
    held = event.target;
    group = held.closest(".widget-toggle-buttons");
    if (greeting) event.stopPropagation();  // else JupyterLab would go back to this cell, and Shift-Enter run it again
  };
  const usable = (one) => one.isConnected && !one.disabled && one.getClientRects().length > 0;
  const leave = () => requestAnimationFrame(() => {  // by then a control that is gone can be told from one left behind
    if (root.contains(document.activeElement)) return;
    if (held && !usable(held) && document.activeElement === document.body) again(); else held = null;
  });
  const again = () => {
    held = null;
    (group?.querySelector(".mod-active:enabled") ?? root).focus({ preventScroll: true });
  };
  const say = () => {
    if (held && !usable(held)) leave();
    for (const button of root.querySelectorAll(".widget-toggle-button")) {
      const pressed = String(button.classList.contains("mod-active"));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  };
  const greet = () => {
    const cell = root.closest(".jp-Cell"), has = document.activeElement;
    const active = root.closest(".jp-Notebook")?.querySelector(".jp-Cell.jp-mod-active");
    if (!active || (active !== cell && active.previousElementSibling !== cell)) return;  // other cells were run since
    const fresh = !active.nextElementSibling && active.querySelector(".cm-content")?.textContent.trim() === "";
    if (has !== document.body && !has.matches(JUST_RUN) && !(fresh && active.contains(has))) return;
    greeting = true;
    take();
    greeting = false;
  };
  const start = () => {
    root = el.parentElement;
    if (!root?.isConnected) { frame = requestAnimationFrame(start); return; }
    root.classList.add("course-keyed");
    Object.assign(root, { tabIndex: 0, role: "group", ariaLabel: model.get("label") });
    root.addEventListener("focusin", hold);
    root.addEventListener("focusout", leave);
    root.addEventListener("click", click);
    window.addEventListener("keydown", hear, true);
    observer = new MutationObserver(say);
    const attributes = ["class", "style", "disabled"];
    observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: attributes });
    say();
    greet();
  };
  el.classList.add("course-keys");
  el.innerHTML = `<span class="with">${WITH}</span><span class="without">${WITHOUT}</span>`;
  start();
  return () => {
    cancelAnimationFrame(frame);
    observer?.disconnect();
    root?.removeEventListener("focusin", hold);
    root?.removeEventListener("focusout", leave);
    root?.removeEventListener("click", click);
    window.removeEventListener("keydown", hear, true);
  };
}
export default { render };
"""
_STYLE = """
.course-keyed:focus-within { outline: 3px solid var(--jp-brand-color1, #0072b2); outline-offset: -3px; }
.course-keys { font-size: 14px; line-height: 1.5; color: var(--jp-ui-font-color1, #222); }
.course-keys .without { text-decoration: underline dotted; cursor: pointer; }
.course-keyed:focus-within .course-keys .without, .course-keyed:not(:focus-within) .course-keys .with { display: none; }
"""


class Pressed(anywidget.AnyWidget):
    """As a child of a box it hears the keys in `heard`, a character each, and shows whether they work.

    `pressed` is the key and how many were pressed before: `30`, `31`; a capital counts as its small letter. `label`
    names the box.
    """

    _esm, _css = _SCRIPT, _STYLE
    heard = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    pressed = traitlets.Unicode()

    def __init__(self, keys: str, label: str) -> None:
        super().__init__(heard=keys, label=label)
        self._presses = count()
        self.on_msg(self._told)

    def _told(self, _: object, content: dict[str, str], buffers: object) -> None:
        self.pressed = f"{content['key']}{next(self._presses)}"
