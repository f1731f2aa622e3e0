"""Names for controls that lack one, because a screen reader calls every ipywidgets slider just "slider"; and `keep` for
all of them.

And a ring around what has the focus from the keyboard: ipywidgets shows it by a border of another color, or not at all.
Choices are a group, which has its question for a name; and a button that is locked while it runs keeps the focus.
"""

from __future__ import annotations

import anywidget

from course_lib.views.palette import INK
from course_lib.widgets.browser.keep import KEEP

_STYLE = f"""
.jupyter-widgets :is(button,input,select,textarea,summary,[role=slider]):focus-visible
{{outline:2px solid {INK}!important;outline-offset:2px!important;position:relative;z-index:1}}
"""

_SCRIPT = """
const LABELS = {"fa-play": "Play", "fa-pause": "Pause", "fa-stop": "Back to the whole run", "fa-retweet": "Repeat"};

function set(node, name) {
  if (node && name && node.getAttribute("aria-label") !== name) node.setAttribute("aria-label", name);
}

function nameAll(root) {
  for (const number of root.querySelectorAll(".course-number")) {
    const name = number.querySelector(".widget-label")?.textContent.trim();
    set(number.querySelector("[role=slider]"), name);
    set(number.querySelector("input"), number.querySelector("[role=slider]") ? `${name}, number` : name);
  }
  for (const row of root.querySelectorAll(".widget-slider:not(.course-number *)")) {
    const name = row.querySelector(".widget-label")?.textContent.trim();
    const handles = row.querySelectorAll("[role=slider]");
    handles.forEach((handle, i) => set(handle, handles.length > 1 ? `${name}, ${i ? "upper" : "lower"} end` : name));
    const typed = row.querySelector(".widget-readout[contenteditable]");
    typed?.setAttribute("role", "textbox");  // a name may not stand on what has no role
    set(typed, name && `${name}, number`);
  }
  for (const choices of root.querySelectorAll(".widget-radio")) {  // read as one question; arrows choose, Tab goes on
    choices.setAttribute("role", "radiogroup");
    set(choices, choices.previousElementSibling?.querySelector("p")?.textContent.trim());
    choices.dataset.group ??= `choices-${Math.random()}`;
    for (const radio of choices.querySelectorAll("input:not([name])")) radio.name = choices.dataset.group;
  }
  for (const button of root.querySelectorAll(".widget-button")) {
    // Without this the icon's character, from a private range, would be read out too.
    if (button.querySelector("i")) set(button, button.textContent.trim());
  }
  for (const button of root.querySelectorAll(".widget-play button")) {
    const icon = [...(button.querySelector("i")?.classList ?? [])].find((one) => one in LABELS);
    set(button, LABELS[icon]);
    button.title = LABELS[icon] ?? "";
  }
}

function render({ el }) {
  let frame = 0, observer = null, held = null;
  const end = keepKeys(el), taken = new AbortController();
  const back = () => {  // a button that was locked while it ran has lost the focus, and has it again afterwards
    if (held?.isConnected && !held.disabled && document.activeElement === document.body)
      held.focus({ preventScroll: true });
  };
  const start = () => {
    const root = el.parentElement;
    if (!root) { frame = requestAnimationFrame(start); return; }  // only until the view is on the page
    observer = new MutationObserver(() => {  // once a frame, however much changes
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => { nameAll(root); back(); });
    });
    const heard = { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "disabled"] };
    observer.observe(root, heard);
    root.addEventListener("focusin", (event) => { held = event.target; }, taken);
    root.addEventListener("focusout", (event) => { if (!event.target.disabled) held = null; }, taken);
    nameAll(root);
  };
  start();
  return () => { end(); taken.abort(); cancelAnimationFrame(frame); observer?.disconnect(); };
}
export default { render };
"""


class Names(anywidget.AnyWidget):
    """As a child of a box it names each slider, Play and button with an icon in it, also those that are added later.

    And it keeps the plain keys that are pressed in the box from JupyterLab (`keep`): one widget for both, as anywidget
    gives up when a busy page does not start one within two seconds.

    It watches the box for changes instead of asking again and again, and stops when it is removed.
    """

    _esm, _css = KEEP + _SCRIPT, _STYLE

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
