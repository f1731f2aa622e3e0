"""A clock that runs in the browser: how long ago something began, and how long it was meant to take."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  const text = (ms) => {
    const s = Math.max(Math.floor(ms / 1000), 0);
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  };
  el.classList.add("course-clock");
  el.setAttribute("role", "timer");
  const show = () => {
    const began = model.get("began"), due = model.get("due") * 60, planned = model.get("planned") * 60;
    const passed = began ? (Date.now() - began) / 1000 : 0, over = passed - due;
    const late = over > 30 ? ` · ${text(over * 1000)} behind the notes` : "";
    el.textContent = `${text(passed * 1000)} of ${text(planned * 1000)}${late}`;
  };
  const timer = setInterval(show, 1000);
  const names = ["began", "due", "planned"];
  for (const name of names) model.on(`change:${name}`, show);
  show();
  return () => { clearInterval(timer); for (const name of names) model.off(`change:${name}`, show); };
}
export default { render };
"""
_STYLE = ".course-clock{font:700 30px/1.3 var(--jp-ui-font-family,system-ui);font-variant-numeric:tabular-nums}"


class Clock(anywidget.AnyWidget):
    """`began` in milliseconds since 1970, 0 before it begins; `planned` and `due` in minutes: in all, and by the end of
    what is shown now."""

    _esm, _css = _SCRIPT, _STYLE
    began = traitlets.Float(0.0).tag(sync=True)
    due = traitlets.Float(0.0).tag(sync=True)
    planned = traitlets.Float(0.0).tag(sync=True)
