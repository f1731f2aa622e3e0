"""Three panes that show one moment: what Redis holds, where each client stands in the code, which promises hold.

Each part is HTML that Python makes; of a step only the parts that changed are sent. The code is sent once, and a step
moves the marks in it. Lines and facts that one can go to are buttons, so that the keyboard reaches them.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from course_lib.views.palette import ALARM, CODE, FAINT, INK, ORANGE, PAPER, RULE, SKY, VERMILLION, WELL, WORDS

_SCRIPT = """
const PARTS = ["note", "redis", "code", "clients", "promises", "text"];

function render({ model, el }) {
  const end = [];
  const on = (name, act) => { model.on(`change:${name}`, act); end.push(() => model.off(`change:${name}`, act)); };
  el.classList.add("course-moment");
  el.innerHTML = `<div class="note" data-part="note"></div>
    <div class="fit"><div class="grid">
    <div class="holds" role="group" aria-label="Redis"><b class="pane">Redis</b><div data-part="redis"></div></div>
    <div class="kept" role="group" aria-label="Promises"><b class="pane">Promises</b>
    <div data-part="promises"></div></div>
    <div class="who" role="group" aria-label="Clients"><b class="pane">Clients</b><div class="both">
    <div class="code" data-part="code" tabindex="0" role="group" aria-label="Code of the clients"></div>
    <div class="cards" data-part="clients"></div></div></div>
    </div></div>
    <div class="words"><b>In words</b> <span aria-live="polite" data-part="text"></span></div>`;
  const part = (name) => el.querySelector(`[data-part="${name}"]`);
  const had = {};
  let due = false, frame = 0;
  const fill = (name) => {
    if (had[name] === model.get(name)) return;
    const box = part(name), has = box.contains(document.activeElement) && document.activeElement.dataset;
    box.innerHTML = had[name] = model.get(name);
    const next = has?.go && (box.querySelector(`[data-go="${has.go}"]`) ?? box.querySelector("[data-go]"));
    next?.focus({ preventScroll: true });
  };
  const mark = () => {
    const code = part("code");
    for (const old of code.querySelectorAll(".here, .via")) {
      old.classList.remove("here", "via");
      old.removeAttribute("aria-current");
      old.querySelector(".chips").textContent = "";
    }
    for (const [line, name, color, inner] of model.get("marks")) {
      const row = code.querySelector(`[data-row="${line}"]`);
      if (!row) continue;
      row.classList.add(inner ? "here" : "via");
      if (!inner) continue;
      row.setAttribute("aria-current", "step");
      const chip = document.createElement("b");
      Object.assign(chip, { className: "chip", textContent: name });
      chip.style.setProperty("--c", color);
      row.querySelector(".chips").append(chip);
    }
  };
  const keepInView = () => {
    const code = part("code");
    const line = code.querySelector(`[data-row="${model.get("line")}"]`) ?? code.querySelector(".here");
    if (!line) return;
    const gap = line.getBoundingClientRect().top - code.getBoundingClientRect().top;
    const out = gap < 24 || gap + line.offsetHeight > code.clientHeight - 24;
    if (out) code.scrollTop += gap - (code.clientHeight - line.offsetHeight) / 2;
  };
  const press = () => {
    for (const one of part("code").querySelectorAll("[data-line]"))
      one.setAttribute("aria-pressed", String(one.dataset.line === model.get("pressed")));
  };
  const open = () => el.classList.toggle("open", model.get("code") !== "" || model.get("redis") !== "");
  const click = (event) => {
    const hit = event.target.closest("[data-line], [data-go]");
    if (hit) model.send(hit.dataset.line ? { line: hit.dataset.line } : { go: hit.dataset.go });
  };
  const all = () => {
    due = false;
    for (const name of PARTS) fill(name);
    open(); mark(); press();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(keepInView);  // it measures; the page is laid out once for all that has changed
  };
  const soon = () => { if (!due) { due = true; queueMicrotask(all); } };  // of one step many parts change at once
  for (const name of [...PARTS, "marks", "line", "pressed"]) on(name, soon);
  el.addEventListener("click", click);
  const resized = new ResizeObserver(keepInView);  // lines wrap otherwise, and the marked one has moved
  resized.observe(part("code"));
  end.push(() => { el.removeEventListener("click", click); cancelAnimationFrame(frame); resized.disconnect(); });
  all();
  return () => { for (const act of end) act(); };
}
export default { render };
"""

_STYLE = f"""
.course-moment{{font:13px/1.45 {WORDS};color:{INK};width:100%;box-sizing:border-box}}
.course-moment .note p{{margin:4px 0;color:{FAINT}}} .course-moment .note .bad{{color:{ALARM};font-weight:600}}
.course-moment .fit{{container-type:inline-size;display:none;margin-top:8px}} .course-moment.open .fit{{display:block}}
.course-moment .words{{display:none;margin:6px 0 0;color:{FAINT};max-width:110em}}
.course-moment.open .words{{display:block}}
.course-moment .grid{{display:grid;gap:8px;grid-template-columns:1fr 1fr;align-items:start}}
.course-moment .grid>*{{border:1px solid {RULE};border-radius:3px;background:{PAPER};min-width:0;padding:4px 8px 6px}}
.course-moment .who{{grid-column:1/-1}}
.course-moment .pane{{display:block;margin:0 0 4px;font:600 14px/1.4 {WORDS};color:{INK}}}
@container (min-width:900px){{
.course-moment .grid{{grid-template-columns:minmax(230px,25fr) minmax(0,54fr) minmax(190px,21fr)}}
.course-moment .who{{grid-column:2;grid-row:1}} .course-moment .kept{{grid-column:3}}}}
@container (min-width:1360px){{
.course-moment .both{{display:grid;grid-template-columns:minmax(0,1.2fr) minmax(0,1fr);gap:8px;align-items:start}}}}
.course-moment table{{border-collapse:collapse;width:100%;margin:0;font:12px/1.45 {CODE};color:inherit;
table-layout:auto!important}}
.course-moment tr{{background:none!important}}
.course-moment th{{font:600 12px/1.4 {WORDS};color:{FAINT}}}
.course-moment td,.course-moment th{{text-align:left!important;vertical-align:top;padding:2px 8px 2px 4px;
border-bottom:1px solid {RULE};overflow-wrap:anywhere;white-space:pre-wrap;background:none!important;color:inherit}}
.course-moment td.ttl,.course-moment th.ttl{{white-space:nowrap;padding-right:2px}}
.course-moment .holds td:first-child{{min-width:6.5em}} .course-moment small{{color:{FAINT};font-size:11px}}
.course-moment .tag{{font:600 11px/1.3 {WORDS};border:1px solid;border-radius:3px;padding:0 3px;color:{INK};
white-space:nowrap}}
.course-moment tr.moved td{{background:color-mix(in srgb,{ORANGE} 16%,transparent)!important}}
.course-moment tr.gone td{{color:{FAINT}!important}} .course-moment s{{text-decoration-thickness:1.5px}}
.course-moment .bar{{display:block;height:5px;width:56px;border:1px solid {FAINT};margin-top:2px}}
.course-moment .bar i{{display:block;height:100%;background:{SKY}}}
.course-moment .code{{max-height:340px;overflow:auto;border:1px solid {RULE};margin-bottom:6px;font:12px/1.5 {CODE}}}
.course-moment .code .file{{margin:0;padding:1px 6px;font:600 12px/1.5 {WORDS};color:{FAINT};position:sticky;top:0;
background:{PAPER};border-bottom:1px solid {RULE}}}
.course-moment .code p{{margin:4px 6px;font:13px/1.45 {WORDS}}}
.course-moment ol{{list-style:none;margin:0;padding:0}}
.course-moment li.row{{display:flex;align-items:flex-start;border-left:4px solid transparent;margin:0}}
.course-moment .n{{flex:0 0 2.6em;text-align:right;color:{FAINT};padding-right:.7em;user-select:none}}
.course-moment .src{{flex:1 1 50%;white-space:pre-wrap;overflow-wrap:anywhere;min-width:0;font:inherit;
color:inherit;text-align:left;border:0;padding:0;margin:0;background:none}}
.course-moment button.src{{cursor:pointer}} .course-moment button.src span{{text-underline-offset:3px;
text-decoration:underline dotted {FAINT}}}
.course-moment button.src:hover{{background:color-mix(in srgb,{SKY} 25%,transparent)}}
.course-moment button.src[aria-pressed=true]{{background:color-mix(in srgb,{ORANGE} 40%,transparent)}}
.course-moment button:focus-visible,.course-moment .code:focus-visible{{outline:2px solid {SKY};outline-offset:-2px}}
.course-moment .via{{background:color-mix(in srgb,{SKY} 10%,transparent)}}
.course-moment .here{{background:color-mix(in srgb,{SKY} 26%,transparent);border-left-color:{SKY}}}
.course-moment .chips{{flex:0 1 auto;max-width:45%;text-align:right;padding:0 4px}}
.course-moment .chips:empty{{display:none}}
.course-moment .chip{{font:600 11px/1.35 {WORDS};border:1px solid {RULE};border-left:4px solid var(--c);
border-radius:3px;padding:0 4px;margin-left:3px;background:{PAPER};color:{INK};display:inline-block}}
.course-moment .cards{{display:grid;align-items:start;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:6px}}
.course-moment .card{{border:1px solid {RULE};border-left:4px solid var(--c);padding:2px 6px 4px;min-width:0}}
.course-moment .card p{{margin:0;overflow-wrap:anywhere}} .course-moment .card .at{{color:{FAINT}}}
.course-moment .card .task{{border-top:1px dashed {RULE};margin-top:4px;padding-top:2px;font-weight:600}}
.course-moment .card.dead{{border-style:dashed}} .course-moment .card.ended,.course-moment .card.not{{opacity:.85}}
.course-moment .does{{font-weight:600}} .course-moment .card .src{{font:12px/1.45 {CODE};
background:color-mix(in srgb,{SKY} 18%,transparent);padding:0 3px}}
.course-moment .card td{{border:0;padding:0 6px 0 4px}} .course-moment .card td:first-child{{white-space:nowrap;
width:1%}}
.course-moment .kept ul{{list-style:none;margin:0;padding:0}} .course-moment .kept li{{margin:0 0 6px}}
.course-moment .ok{{color:{WELL};font-weight:600}} .course-moment .broken{{color:{ALARM};font-weight:600}}
.course-moment .kept li.no{{border-left:4px solid {VERMILLION};padding-left:6px}}
.course-moment button.go{{display:block;width:100%;text-align:left;font:12px/1.4 {WORDS};color:{INK};background:none;
border:1px solid {RULE};border-radius:3px;padding:2px 6px;margin-top:3px;cursor:pointer;overflow-wrap:anywhere;
white-space:normal}}
.course-moment button.go:hover{{background:color-mix(in srgb,{SKY} 25%,transparent)}}
"""


class Board(anywidget.AnyWidget):
    """`note` stands above the panes; `redis`, `code`, `clients`, `promises` and `text` are their HTML.

    `marks` are the lines where somebody stands: a line, a name, a color, and whether it is the innermost call. `line`
    is the one to keep in view, `pressed` the one whose events are marked. `heard` is called with what was clicked:
    `{"line": …}` or `{"go": …}`.
    """

    _esm, _css = _SCRIPT, _STYLE
    note = traitlets.Unicode().tag(sync=True)
    redis = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    clients = traitlets.Unicode().tag(sync=True)
    promises = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    marks: Any = traitlets.List().tag(sync=True)
    line = traitlets.Unicode().tag(sync=True)
    pressed = traitlets.Unicode().tag(sync=True)
