// The theatre: plays a run of the course as a moving picture, on one canvas.
//
// Python has prepared everything (course_lib/views/theatre): who acts, and when, in seconds of the play. This file only
// plays it. It asks no other host for anything, and it goes on without a kernel.
//
//   1. the stage: buttons, canvas, line of text, keys        render
//   2. time: play, pause, step, jump                         Player
//   3. the picture at one moment                             draw, and below it one function for each thing

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const HEARD = 250; // ms between two times that the kernel is told where a play stands
const BUCKET = 0.25; // seconds of the play: what is under way is looked up in buckets of this length
const GLIMPSE = 0.28; // seconds that a message is seen at least, where the run says that it took no time
const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif",
  CODE = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const HELP =
  "Space plays and stops, comma and full stop step, F goes to the next thing of interest, minus and plus change the " +
  "speed, Home and End go to the beginning and the end.";

// -- 1. the stage -----------------------------------------------------------------------------------------------------

function render({ model, el }) {
  let end = show({ model, el });
  const anew = () => {
    // another run of the same scene: at the same moment, and it goes on if it was playing
    const from = end();
    end = show({ model, el, from });
  };
  model.on("change:play", anew);
  return () => {
    model.off("change:play", anew);
    end();
  };
}

function show({ model, el, from }) {
  const play = model.get("play"),
    looks = model.get("looks");
  el.classList.add("theatre");
  el.innerHTML = `
    <div class="theatre-room" data-walks tabindex="0" role="group" aria-label="Theatre: ${escaped(play.title)}">
      <div class="theatre-bar">
        <button data-do="back" title="Step back (key ,)">‹ <span>Back</span></button>
        <button data-do="toggle" class="main" title="Play and stop (Space)">▶ <span>Play</span></button>
        <button data-do="step" title="The next moment (key .)"><span>Step</span> ›</button>
        <button data-do="next" title="The next thing of interest (key F)">⚑ <span>Next event</span></button>
        <button data-do="slower" title="Slower (key −)" aria-label="Slower">−</button>
        <span class="theatre-speed">1×</span>
        <button data-do="faster" title="Faster (key +)" aria-label="Faster">+</button>
        <input type="range" min="0" max="1000" value="0" step="1" aria-label="Moment of the run">
        <label class="theatre-big"><input type="checkbox"> projector</label>
      </div>
      <canvas role="img"></canvas>
      <div class="theatre-line" role="status" aria-live="polite"></div>
      <details><summary>The whole run in words</summary><p></p><ol></ol></details>
      <div class="theatre-keys">${HELP}</div>
    </div>`;
  const room = el.firstElementChild,
    find = (selector) => room.querySelector(selector);
  const canvas = find("canvas"),
    line = find(".theatre-line"),
    range = find("input[type=range]"),
    big = find("[type=checkbox]");
  canvas.setAttribute("aria-label", play.text);
  const stage = { play, canvas, looks, index: indexed(play), projector: model.get("projector"), wide: 0, said: "" };
  const player = new Player(play, stage, matchMedia("(prefers-reduced-motion: reduce)"));
  canvas.stats = player.stats; // frames and milliseconds of drawing, for who measures

  player.changed = () => {
    draw(stage, player);
    const head = find("[data-do=toggle]"),
      text = player.playing ? "Stop" : player.at >= play.end ? "Again" : "Play";
    if (head.lastElementChild.textContent !== text) {
      head.lastElementChild.textContent = text;
      head.firstChild.data = player.playing ? "❚❚ " : "▶ ";
    }
    find(".theatre-speed").textContent = `${player.speed}×`;
    if (document.activeElement !== range || player.playing) range.value = (player.at / play.end) * 1000;
    range.setAttribute(
      "aria-valuetext",
      `${clockText(stage, player.at)}, cue ${player.cue + 1} of ${play.cues.length}`,
    );
    const said = spoken(stage, player);
    const quiet = player.playing && play.dense && performance.now() - (stage.saidAt ?? -1e9) < 1200;
    if (said !== stage.said && !quiet) {
      stage.said = said;
      stage.saidAt = performance.now();
      line.textContent = said;
    }
    const still = !player.playing,
      now = Math.round(runTime(stage, player.at) * 1000) / 1000;
    if (still || performance.now() - (stage.heardAt ?? 0) > HEARD) {
      stage.heardAt = performance.now();
      if (still) model.set("position", player.cue + 1);
      if (model.get("position") !== stage.position || model.get("now") !== now) {
        stage.position = model.get("position");
        model.set("now", now);
        model.save_changes();
      }
    }
  };
  const act = {
    back: () => player.step(-1),
    step: () => player.step(1),
    next: () => player.next(),
    toggle: () => player.toggle(),
    slower: () => player.pace(-1),
    faster: () => player.pace(1),
    begin: () => player.go(0, -1),
    end: () => player.go(play.end, play.cues.length - 1),
  };
  const keys = {
    " ": "toggle",
    ",": "back",
    ".": "step",
    f: "next",
    "-": "slower",
    "+": "faster",
    "=": "faster",
    Home: "begin",
    End: "end",
  };
  room.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) act[button.dataset.do]();
    else if (!event.target.closest("input, summary, label, ol, p")) room.focus({ preventScroll: true });
  });
  room.addEventListener("keydown", (event) => {
    if (event.key === "Escape") room.closest(".jp-Cell")?.focus({ preventScroll: true });
    const name = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const control = event.target.closest("button, summary, [type=checkbox]");
    if (!name || event.ctrlKey || event.altKey || event.metaKey || (control && event.key === " ")) return;
    if (event.target === range && event.key !== " " && event.key.length > 1) return;
    event.preventDefault();
    event.stopPropagation();
    act[name]();
  });
  range.addEventListener("input", () => player.seek((range.value / 1000) * play.end));
  big.addEventListener("change", () => {
    model.set("projector", big.checked);
    model.save_changes();
  });
  find("details").addEventListener("toggle", () => tell(play, find("details")), { once: true });

  const dress = () => {
    stage.projector = big.checked = model.get("projector");
    room.classList.toggle("projector", stage.projector);
    stage.look = looks[(stage.projector ? "projector " : "") + (isDark(room) ? "dark" : "light")];
    for (const [name, value] of Object.entries(stage.look)) room.style.setProperty(`--${name}`, String(value));
    stage.widths = new Map();
    resize();
  };
  const resize = () => {
    const wide = Math.floor(canvas.parentElement.clientWidth) - 2;
    if (wide < 50) return draw(stage, player); // out of sight, as while a theme is put on: what is there is drawn anew
    const cell = room.closest(".jp-Cell"); // on a slide all of it is to be seen
    if (cell && cell !== stage.cell) sizes.observe((stage.cell = cell));
    const most = stage.projector ? Math.max(640, innerHeight * 0.66) : 440,
      high = Math.round(Math.min(Math.max(wide * 0.4, 300), most, heightOnASlide(stage, canvas))),
      ratio = devicePixelRatio || 1;
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
    Object.assign(stage, { wide, high, ratio, ink: canvas.getContext("2d", { alpha: false }) });
    arrange(stage);
    player.changed();
  };
  const ask = () => {
    // what Python asks for: a position, counted from 1
    const asked = Math.min(model.get("position"), play.cues.length);
    if (asked !== player.cue + 1) asked > 0 ? player.go(play.cues[asked - 1][0], asked - 1) : player.go(0, -1);
  };
  const sizes = new ResizeObserver(resize),
    themes = new MutationObserver(dress);
  sizes.observe(room);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  model.on("change:projector", dress);
  model.on("change:position", ask);
  if (model.get("position") > 0 && !from && play.from === undefined) ask();
  dress();
  if (from || play.from !== undefined) {
    player.place(placed(stage, from?.playing ? from.now : (play.from ?? from.now)));
    if (from?.playing) player.toggle();
    else player.changed();
    if (from?.focus) room.focus({ preventScroll: true });
  }
  return () => {
    const focus = room.contains(document.activeElement),
      left = { now: runTime(stage, player.at), playing: player.playing, focus };
    player.stop();
    sizes.disconnect();
    themes.disconnect();
    model.off("change:projector", dress);
    model.off("change:position", ask);
    return left;
  };
}

function heightOnASlide(stage, canvas) {
  // how high the canvas can be so that all of its cell is on the screen; a line of text more or less changes nothing
  const { cell } = stage;
  if (!cell || !document.body.dataset.jpDeckMode) return Infinity;
  const high = Math.max(innerHeight - (cell.offsetHeight - canvas.offsetHeight) - 60, 300);
  return stage.wide === canvas.offsetWidth && Math.abs(high - stage.high) < 50 ? stage.high : high;
}

function escaped(text) {
  return String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function isDark(room) {
  const told = document.body.dataset.jpThemeLight;
  if (told) return told === "false";
  return matchMedia("(prefers-color-scheme: dark)").matches && !room.closest(".theatre-on-white");
}

function tell(play, details) {
  // a text alternative of the whole: what happened, then the lines; of a crowd those of interest
  details.querySelector("p").textContent = play.text;
  const lines = play.cues.length > 400 ? play.cues.filter((cue) => cue[2]).slice(0, 400) : play.cues;
  details.querySelector("ol").append(
    ...lines.map((cue) => {
      const item = document.createElement("li");
      item.textContent = cue[1];
      return item;
    }),
  );
}

function spoken(stage, player) {
  const { play } = stage,
    cue = play.cues[player.cue],
    broken = player.frozen;
  if (broken) return `${clockText(stage, broken[2])} · Broken here: ${broken[3]}`;
  if (!cue) return `${play.title}. Press Play, or step.`;
  if (player.at >= play.end) return `The end. ${play.ends}.`;
  if (!play.dense || !player.playing) return cue[1];
  const now = underWay(stage, player.at),
    loads = now.loads.length;
  return (
    `${clockText(stage, player.at)} · ${count(now.messages.length, "command")} under way` +
    (play.loads.length ? `, ${count(loads, "load")} at the database` : "")
  );
}

function count(number, one) {
  return `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
}

// -- 2. time ----------------------------------------------------------------------------------------------------------

class Player {
  constructor(play, stage, calm) {
    Object.assign(this, {
      play,
      stage,
      calm,
      at: 0,
      cue: -1,
      speed: 1,
      playing: false,
      frozen: null,
      changed: () => {},
    });
    this.broken = play.signs.filter((sign) => sign[1] === "violation").sort((a, b) => a[2] - b[2]);
    this.stats = { frames: 0, drawing: 0, late: 0 };
  }
  toggle() {
    if (this.playing) return this.stop(true);
    if (this.at >= this.play.end) this.place(0);
    this.frozen = null;
    this.playing = true;
    this.last = performance.now();
    if (this.calm.matches)
      this.timer = setTimeout(() => this.pulse(), 0); // reduced motion: it steps
    else this.frame = requestAnimationFrame((now) => this.tick(now));
    this.changed();
  }
  stop(told) {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.playing = false;
    if (told) this.changed();
  }
  tick(now) {
    const passed = Math.min(Math.max(now - this.last, 0), 100) / 1000;
    if (now - this.last > 25) this.stats.late++;
    this.last = now;
    const from = this.at,
      to = Math.min(from + passed * this.speed, this.play.end);
    const broken = this.broken.find((sign) => sign[2] > from && sign[2] <= to);
    this.place(broken ? broken[2] : to);
    if (broken) {
      this.frozen = broken;
      this.stop();
    } // the violated moment freezes
    if (this.at >= this.play.end) this.stop();
    const start = performance.now();
    this.changed();
    this.stats.drawing += performance.now() - start;
    this.stats.frames++;
    if (this.playing) this.frame = requestAnimationFrame((next) => this.tick(next));
  }
  pulse() {
    if (this.cue + 1 >= this.play.cues.length) {
      this.stop();
      this.place(this.play.end);
      return this.changed();
    }
    this.go(this.play.cues[this.cue + 1][0], this.cue + 1, true);
    if (this.frozen) return this.stop(true);
    this.timer = setTimeout(() => this.pulse(), 1600 / this.speed);
  }
  place(at) {
    this.at = at;
    this.cue = last(this.play.cues, at);
  }
  go(at, cue, on) {
    // to a moment, and to one of the lines of that moment
    if (!on) this.stop();
    this.at = at;
    this.cue = cue;
    this.frozen = this.broken.find((sign) => Math.abs(sign[2] - at) < 1e-6 && this.play.cues[cue]?.[0] === at) ?? null;
    this.changed();
  }
  seek(at) {
    this.stop();
    this.frozen = null;
    this.place(at);
    this.changed();
  }
  step(by) {
    const cue = Math.min(Math.max(this.cue + by, -1), this.play.cues.length - 1);
    this.go(cue < 0 ? 0 : this.play.cues[cue][0], cue);
  }
  next() {
    const { cues } = this.play,
      after = cues.findIndex((cue, i) => i > this.cue && cue[2]);
    const to = after >= 0 ? after : cues.findIndex((cue) => cue[2]);
    if (to >= 0) this.go(cues[to][0], to);
    else this.step(1);
  }
  pace(by) {
    this.speed = SPEEDS[Math.min(Math.max(SPEEDS.indexOf(this.speed) + by, 0), SPEEDS.length - 1)];
    this.changed();
  }
}

function last(rows, at) {
  // the last row that has begun; rows are sorted by their first column
  let low = 0,
    high = rows.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (rows[mid][0] <= at) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}

function indexed(play) {
  // what is under way in each bucket of the play, so that a frame looks at no more than that
  const size = Math.ceil(play.end / BUCKET) + 1,
    make = () => Array.from({ length: size }, () => []);
  const messages = make(),
    loads = make(),
    spans = make();
  const enter = (into, what, from, to) => {
    for (let i = Math.floor(from / BUCKET); i <= Math.min(Math.floor(to / BUCKET), size - 1); i++) into[i].push(what);
  };
  const last = new Float64Array(play.clients.length);
  play.messages.forEach((m, i) => {
    const [client, , leaves, runs, arrives] = m;
    m.until = Math.max(arrives ?? runs ?? leaves, leaves + GLIMPSE) + (arrives === null ? 0.9 : 0);
    m.number = i;
    last[client] = Math.max(last[client], m.until);
    enter(messages, m, leaves, m.until);
  });
  play.loads.forEach((load) => {
    enter(loads, load, load[1], load[2]);
    if (load[0] >= 0) last[load[0]] = Math.max(last[load[0]], load[2]);
  });
  play.spans.forEach((span) => {
    enter(spans, span, span[2], span[3]);
    if (span[0] >= 0) last[span[0]] = Math.max(last[span[0]], span[3]);
  });
  const widest = (side) => Math.max(1, ...play.flow.map((flow) => Math.max(...flow[side])));
  return { messages, loads, spans, done: last, most: Math.max(widest(0), widest(1)), loaded: most(play.loads) };
}

function most(loads) {
  const steps = loads
    .flatMap(([, from, to]) => [
      [from, 1],
      [to, -1],
    ])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0,
    top = 0;
  for (const [, change] of steps) top = Math.max(top, (now += change));
  return top;
}

function underWay(stage, at) {
  const i = Math.floor(at / BUCKET),
    { index } = stage;
  return {
    messages: (index.messages[i] ?? []).filter((m) => m[2] <= at && at < m.until),
    loads: (index.loads[i] ?? []).filter((load) => load[1] <= at && at < load[2]),
    spans: (index.spans[i] ?? []).filter((span) => span[2] <= at && at < span[3]),
  };
}

function runTime(stage, at) {
  // milliseconds of the run
  const [places, times] = stage.play.clock;
  let low = 0,
    high = places.length - 1;
  if (at <= places[0]) return times[0];
  if (at >= places[high]) return times[high];
  while (high - low > 1) {
    const mid = (low + high) >> 1;
    if (places[mid] <= at) low = mid;
    else high = mid;
  }
  return times[low] + ((at - places[low]) / (places[high] - places[low])) * (times[high] - times[low]);
}

function inMs(value) {
  const digits = Math.abs(value) >= 200 ? 0 : Math.abs(value) >= 20 ? 1 : 2;
  return value >= 10_000
    ? `${(value / 1000).toLocaleString("en", { maximumFractionDigits: 1 })} s`
    : `${value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits })} ms`;
}
function placed(stage, ms) {
  // the seconds of the play at which a moment of the run is shown
  const [places, times] = stage.play.clock;
  const i = times.findIndex((time) => time >= ms);
  if (i < 0) return places[places.length - 1];
  if (i === 0) return places[0];
  return places[i - 1] + ((ms - times[i - 1]) / (times[i] - times[i - 1])) * (places[i] - places[i - 1]);
}
function clockText(stage, at) {
  return inMs(runTime(stage, at));
}

// -- 3. the picture ---------------------------------------------------------------------------------------------------

function arrange(stage) {
  // where everything stands; it depends on the size only
  const { play, wide, high, projector } = stage,
    size = projector ? Math.min(Math.max(wide / 56, 21), 36) : 14;
  const top = size * 2.3,
    bottom = high - size * 0.8,
    base = play.loads.length > 0,
    pad = 12;
  const left = Math.min(wide * 0.24, size * 18),
    right = base ? Math.min(wide * 0.18, size * 14) : 0;
  const middle = Math.min(wide * 0.27, size * 21),
    floor = base ? bottom - size * 3.4 : bottom;
  const center = base ? left + (wide - left - right) / 2 : wide - middle / 2 - pad - (wide - left - middle) * 0.12;
  const columns = play.crowd ? 1 : Math.ceil(play.clients.length / (projector ? 10 : 14)),
    rows = Math.ceil(play.clients.length / columns);
  const step = Math.min((bottom - top) / rows, size * 5),
    tall = Math.min(step - 6, size * 4.2);
  const begin = top + Math.max(0, (bottom - top - step * rows) / 2);
  stage.size = size;
  stage.block = { x: pad, y: top, w: left - pad, h: bottom - top };
  stage.clients = play.clients.map((name, i) => {
    const column = Math.floor(i / rows),
      w = (left - pad) / columns - (columns > 1 ? 4 : 0);
    return { x: pad + (column * (left - pad)) / columns, y: begin + (i % rows) * step, w, h: tall, name };
  });
  const many = play.nodes.length,
    each = (floor - top) / Math.max(many, 1);
  const needs = size * 2.8 + play.keys.length * (size * 4.6 + 5),
    room = floor - top; // a single node is as high as its keys need
  const h = many > 1 ? each - 8 : Math.min(room, Math.max(needs, play.dense ? room * 0.7 : size * 8)),
    above = many > 1 ? 0 : (room - h) / 2;
  stage.nodes = play.nodes.map((name, i) => ({
    name,
    x: center - middle / 2,
    y: top + above + i * each,
    w: middle,
    h,
  }));
  stage.base = base ? { x: wide - right, y: top, w: right - pad, h: bottom - top } : null;
  stage.floor = bottom - size * 1.2;
}

function draw(stage, player) {
  const { ink: c, look, play, size } = stage,
    at = player.at;
  if (!c) return;
  const now = underWay(stage, at);
  c.setTransform(stage.ratio, 0, 0, stage.ratio, 0, 0);
  c.fillStyle = look.paper;
  c.fillRect(0, 0, stage.wide, stage.high);
  c.lineJoin = c.lineCap = "round";
  drawClock(stage, player);
  stage.wideness = [];
  if (play.dense && at > 0) drawFlow(stage, at, now); // before the play nothing flows
  if (stage.base) drawBase(stage, at, now);
  stage.nodes.forEach((node, i) => drawNode(stage, node, i, at, now));
  if (play.crowd) drawCrowd(stage, at, now);
  else drawClients(stage, player, now);
  const cue = player.playing ? null : play.cues[player.cue],
    current = cue && cue[0] === at ? play.messages[cue[3]] : null;
  stage.placed = []; // where words stand in this frame: what would cover others is a dot
  const moving = now.messages.filter((m) => m !== current);
  if (current && !play.crowd) place(stage, current);
  if (play.dense) moving.forEach((m) => drawDot(stage, m, at));
  else moving.forEach((m) => drawMessage(stage, m, at));
  if (current) drawWhole(stage, current);
  if (!play.crowd) drawSigns(stage, at);
  if (player.frozen) drawBroken(stage, player.frozen);
  c.font = `${size}px ${FONT}`;
}

function text(
  stage,
  words,
  x,
  y,
  { size = stage.size, weight = 400, color = stage.look.ink, align = "left", code = false, most = 1e9 } = {},
) {
  const c = stage.ink;
  c.font = `${weight} ${size}px ${code ? CODE : FONT}`;
  c.textAlign = align;
  c.textBaseline = "middle";
  c.fillStyle = color;
  c.fillText(fitted(stage, words, most), x, y);
}

function width(stage, words) {
  // of words in the font that is set; measured once
  const key = stage.ink.font + words;
  let found = stage.widths.get(key);
  if (found === undefined) {
    if (stage.widths.size > 5000) stage.widths.clear();
    stage.widths.set(key, (found = stage.ink.measureText(words).width));
  }
  return found;
}

function fitted(stage, words, most) {
  if (width(stage, words) <= most) return words;
  let low = 0,
    high = words.length;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (width(stage, words.slice(0, mid) + "…") <= most) low = mid;
    else high = mid - 1;
  }
  return words.slice(0, low) + "…";
}

function box(stage, { x, y, w, h }, { fill, stroke, line = 1.5, round = 7, dash } = {}) {
  const c = stage.ink;
  c.beginPath();
  c.roundRect(x, y, Math.max(w, 1), Math.max(h, 1), Math.min(round, w / 2, h / 2));
  if (fill) {
    c.fillStyle = fill;
    c.fill();
  }
  if (stroke) {
    c.strokeStyle = stroke;
    c.lineWidth = line * (stage.projector ? 1.8 : 1);
    c.setLineDash(dash ?? []);
    c.stroke();
    c.setLineDash([]);
  }
}

function color(stage, client) {
  const all = stage.look.clients;
  return client < 0 ? stage.look.gray : all[client % all.length];
}

function drawClock(stage, player) {
  const { size, wide, play } = stage;
  text(stage, clockText(stage, player.at), 12, size * 1.2, { size: size * 1.35, weight: 700 });
  if (!player.frozen) drawTitle(stage, player.at >= play.end ? play.ends : play.title);
  const at = player.at / play.end,
    y = 2.5,
    c = stage.ink;
  c.fillStyle = stage.look.rule;
  c.fillRect(0, 0, wide, y);
  c.fillStyle = stage.look.request;
  c.fillRect(0, 0, wide * at, y);
  for (const sign of player.broken) {
    c.fillStyle = stage.look.alarm;
    c.fillRect((sign[2] / play.end) * wide - 2, 0, 4, 8);
  }
}

function drawTitle(stage, words) {
  // in the middle, or beside the clock in a line or two
  const { size, wide } = stage,
    beside = size * 8,
    look = { align: "center", weight: 600, color: stage.look.faint };
  stage.ink.font = `600 ${size}px ${FONT}`;
  if (width(stage, words) <= wide - 2 * beside) return text(stage, words, wide / 2, size * 1.2, look);
  const room = wide - beside - 12,
    lines = inLines(stage, words, room),
    small = lines.length > 1 ? size * 0.9 : size;
  lines.forEach((line, i) =>
    text(stage, line, beside + room / 2, size * 1.2 + (i - (lines.length - 1) / 2) * size * 1.05, {
      ...look,
      size: small,
      most: room,
    }),
  );
}

function inLines(stage, words, most) {
  // in lines, two at most, in the font that is set; the first is as long as it can be
  if (width(stage, words) <= most) return [words];
  const parts = words.split(" ");
  let count = parts.length - 1;
  while (count > 1 && width(stage, parts.slice(0, count).join(" ")) > most) count--;
  return [parts.slice(0, count).join(" "), parts.slice(count).join(" ")];
}

// The clients, one by one.
function drawClients(stage, player, now) {
  const { play, look, size } = stage,
    at = player.at;
  const waits = new Map(now.messages.filter((m) => m[7] !== "push" && at < (m[4] ?? m.until)).map((m) => [m[0], m]));
  const loads = new Map(now.loads.map((load) => [load[0], load]));
  const doing = new Map();
  for (const span of now.spans) {
    if (!doing.has(span[0])) doing.set(span[0], new Map());
    doing.get(span[0]).set(span[1], span);
  }
  stage.clients.forEach((seat, i) => {
    const spans = doing.get(i) ?? new Map(),
      tone = color(stage, i),
      dead = spans.has("crash"),
      still = spans.has("pause");
    const over = at > stage.index.done[i] + 0.4 && !spans.size;
    box(stage, seat, {
      fill: dead || still ? look.wash : look.paper,
      stroke: dead || over ? look.gray : tone,
      line: 2,
      dash: still ? [5, 4] : undefined,
    });
    const holds = spans.get("hold"),
      named = seat.h > size * 2.4 && seat.w > size * 9,
      mid = seat.y + seat.h * (named ? 0.32 : 0.5);
    const lock = named ? size * 1.15 : Math.min(size * 0.8, seat.h * 0.6), // a small seat has room for the name first
      aside = named ? size * 1.6 : lock + 6;
    const room = seat.w - (named ? 20 : 12) - (holds ? aside + (named ? size * 0.2 : 0) : 0);
    text(stage, seat.name, seat.x + 10, mid, {
      weight: 700,
      size: Math.min(size * 1.1, seat.h * 0.75),
      color: dead || over ? look.faint : look.ink,
      most: room,
    });
    if (holds) drawLock(stage, seat.x + seat.w - aside, mid - lock * 0.65, lock, tone);
    const other = [...spans.values()].find((span) => !["hold", "pause", "crash"].includes(span[1]));
    const says = dead
      ? "✕ crashed"
      : still
        ? "❚❚ paused"
        : loads.has(i)
          ? "loads from the database"
          : waits.has(i)
            ? `waits: ${waits.get(i)[5]}`
            : holds
              ? holds[4] === "holds the lock"
                ? "holds the lock"
                : holds[4]
              : other
                ? other[4]
                : over
                  ? "done"
                  : "";
    const tint = dead ? look.alarm : look.ink;
    if (named)
      text(stage, says, seat.x + 10, seat.y + seat.h * 0.7, {
        size: size * 0.92,
        color: tint,
        most: seat.w - 18,
        weight: dead || still ? 700 : 400,
      });
    else if (dead || still)
      text(stage, dead ? "✕" : "❚❚", seat.x + seat.w - 8, mid, {
        align: "right",
        weight: 700,
        color: tint,
        size: Math.min(size, seat.h * 0.75),
      });
  });
}

function drawLock(stage, x, y, size, tone) {
  // a padlock: somebody holds it
  const c = stage.ink;
  c.strokeStyle = tone;
  c.lineWidth = size * 0.16;
  c.beginPath();
  c.arc(x + size / 2, y + size * 0.48, size * 0.26, Math.PI, 0);
  c.stroke();
  box(stage, { x: x + size * 0.08, y: y + size * 0.48, w: size * 0.84, h: size * 0.64 }, { fill: tone, round: 2 });
  c.fillStyle = stage.look.paper;
  c.beginPath();
  c.arc(x + size / 2, y + size * 0.8, size * 0.1, 0, 7);
  c.fill();
}

// A crowd: a dot for each client, filled by what it does.
function drawCrowd(stage, at, now) {
  const { block, play, look, size } = stage,
    c = stage.ink,
    many = play.clients.length;
  const state = new Uint8Array(many);
  for (const m of now.messages) if (at < (m[4] ?? m.until)) state[m[0]] = 1;
  for (const [client] of now.loads) if (client >= 0) state[client] = 2;
  for (const [client, kind] of now.spans)
    if (client >= 0) state[client] = { hold: 3, pause: 4, crash: 5 }[kind] ?? state[client];
  const head = size * 2.2,
    foot = size * 6.2,
    area = { w: block.w - 20, h: block.h - head - foot };
  const cell = Math.sqrt((area.w * area.h) / many),
    across = Math.max(1, Math.floor(area.w / cell)),
    down = Math.ceil(many / across);
  const step = Math.min(area.w / across, area.h / down),
    dot = step * 0.36;
  box(stage, block, { stroke: look.rule });
  text(stage, count(many, "client"), block.x + 10, block.y + head / 2, {
    weight: 700,
    size: size * 1.15,
    most: block.w - 20,
  });
  const tones = [look.rule, look.request, look.load, look.lock, look.gray, look.alarm];
  for (let kind = 0; kind < 6; kind++) {
    // one path for each state, however many there are
    c.beginPath();
    for (let i = 0; i < many; i++) {
      if (state[i] !== kind) continue;
      const x = block.x + 10 + ((i % across) + 0.5) * step,
        y = block.y + head + (Math.floor(i / across) + 0.5) * step;
      if (kind === 2)
        c.rect(x - dot, y - dot, 2 * dot, 2 * dot); // never by color alone: loading is a square, crashed a cross
      else if (kind === 5) {
        c.rect(x - dot, y - dot * 0.35, 2 * dot, dot * 0.7);
        c.rect(x - dot * 0.35, y - dot, dot * 0.7, 2 * dot);
      } else {
        c.moveTo(x + dot, y);
        c.arc(x, y, kind ? dot : dot * 0.75, 0, 7);
      }
    }
    c.fillStyle = tones[kind];
    c.fill();
  }
  const names = ["idle", "wait for Redis", "load", "hold a lock", "are paused", "have crashed"],
    counts = new Array(6).fill(0);
  state.forEach((kind) => counts[kind]++);
  const shown = [1, 2, 3, 4, 5, 0]
    .filter((kind) => counts[kind] || (kind < 3 && (kind < 2 || play.loads.length)))
    .slice(0, 4);
  shown.forEach((kind, i) => {
    const y = block.y + block.h - foot + (i + 0.9) * size * 1.4;
    c.fillStyle = tones[kind];
    c.beginPath();
    if (kind === 2) c.rect(block.x + 10, y - size * 0.32, size * 0.64, size * 0.64);
    else c.arc(block.x + 10 + size * 0.32, y, size * 0.32, 0, 7);
    c.fill();
    text(stage, `${counts[kind].toLocaleString("en")} ${names[kind]}`, block.x + 16 + size * 0.8, y, {
      most: block.w - 30 - size,
    });
  });
}

// Redis: each key a box; its TTL runs down; a lock has its holder's color and name.
function drawNode(stage, node, number, at, now) {
  const { play, look, size } = stage,
    c = stage.ink;
  const down = now.spans.find((span) => span[0] === -1 - number && (span[1] === "down" || span[1] === "cut off"));
  box(stage, node, {
    fill: look.wash,
    stroke: down ? look.alarm : look.faint,
    line: 2,
    round: 10,
    dash: down ? [6, 5] : undefined,
  });
  const head = Math.min(size * 1.9, node.h * 0.4),
    many = play.nodes.length > 1;
  text(stage, node.name + (down ? ` · ${down[1]}` : ""), node.x + 12, node.y + head / 2, {
    weight: 700,
    most: node.w - 24,
    color: down ? look.alarm : look.ink,
  });
  const keys = play.keys.filter((key) => key[0] === number);
  const room = (node.h - head - 8) / Math.max(keys.length, 1),
    tall = Math.min(room - 5, size * 4.6);
  keys.forEach(([, name, states], i) => {
    const across = many && keys.length > 1,
      w = across ? (node.w - 20) / keys.length - 4 : node.w - 20;
    const spot = across
      ? { x: node.x + 10 + i * (w + 4), y: node.y + head, w, h: Math.min(node.h - head - 8, size * 4.6) }
      : { x: node.x + 10, y: node.y + head + i * (tall + 5), w, h: tall };
    if (spot.h > 6) drawKey(stage, spot, name, states, at);
  });
  if (!keys.length)
    text(stage, "no key is named", node.x + 12, node.y + head + size, { color: look.faint, size: size * 0.92 });
  c.globalAlpha = 1;
}

function drawKey(stage, spot, name, states, at) {
  const { look, size, play } = stage,
    i = last(states, at),
    state = states[i];
  const value = state ? state[1] : undefined,
    fresh = state && i >= 0 && at - state[0] < 0.45,
    owner = state ? state[3] : -1;
  const tone = owner >= 0 ? color(stage, owner) : look.ink,
    there = value !== null && value !== undefined;
  box(stage, spot, {
    fill: look.paper,
    stroke: there ? tone : look.gray,
    line: fresh ? 3.5 : owner >= 0 ? 2.4 : 1.3,
    dash: there ? undefined : [3, 4],
  });
  const two = spot.h > size * 2.5,
    y = spot.y + spot.h * (two ? 0.3 : 0.5),
    lock = owner >= 0 ? size * 1.5 : 0;
  const words = there
    ? value
    : value === null
      ? i > 0 && states[i - 1][2] && Math.abs(runTime(stage, state[0]) - states[i - 1][2]) < 0.05
        ? "expired"
        : "not there"
      : "not known yet";
  if (two) {
    text(stage, name, spot.x + 9, y, { code: true, weight: 600, most: spot.w - 16 - lock, size: size * 0.95 });
    text(stage, words === "?" ? "changed; to what is not known" : words, spot.x + 9, spot.y + spot.h * 0.64, {
      code: there && words !== "?",
      color: there ? look.ink : look.faint,
      most: spot.w * (there && state[2] ? 0.56 : 1) - 16,
    });
  } else {
    text(stage, there ? `${name} = ${words}` : `${name} ${words}`, spot.x + 9, y, {
      code: true,
      size: Math.min(size * 0.9, spot.h * 0.7),
      most: spot.w - 14 - lock,
      color: there ? look.ink : look.faint,
    });
  }
  if (owner >= 0)
    drawLock(stage, spot.x + spot.w - size * 1.6, (two ? y : spot.y + spot.h / 2) - size * 0.72, size * 1.1, tone);
  if (there && state[2] !== null) drawTtl(stage, spot, state, at, two);
}

function drawTtl(stage, spot, state, at, two) {
  // a bar that empties, and what is left in figures
  const { look, size } = stage,
    left = Math.max(state[2] - runTime(stage, at), 0),
    whole = state[2] - runTime(stage, state[0]);
  const share = whole > 0 ? Math.min(left / whole, 1) : 0,
    bar = { x: spot.x + 8, y: spot.y + spot.h - 8, w: spot.w - 16, h: stage.projector ? 6 : 4 };
  const c = stage.ink;
  c.fillStyle = look.rule;
  c.fillRect(bar.x, bar.y, bar.w, bar.h);
  c.fillStyle = share < 0.2 ? look.alarm : look.ink;
  c.fillRect(bar.x, bar.y, bar.w * share, bar.h);
  if (two)
    text(stage, `${inMs(left)} left`, spot.x + spot.w - 9, spot.y + spot.h * 0.64, {
      align: "right",
      size: size * 0.9,
      most: spot.w * 0.5,
    });
}

// The database and its queue of loads.
function drawBase(stage, at, now) {
  const { base, look, size } = stage,
    c = stage.ink,
    loads = now.loads,
    many = loads.length;
  const lid = size * 0.7,
    { x, y, w, h } = base;
  c.beginPath();
  c.ellipse(x + w / 2, y + lid, w / 2, lid, 0, Math.PI, 0);
  c.lineTo(x + w, y + h - lid);
  c.ellipse(x + w / 2, y + h - lid, w / 2, lid, 0, 0, Math.PI);
  c.closePath();
  c.fillStyle = look.wash;
  c.fill();
  c.strokeStyle = many ? look.load : look.faint;
  c.lineWidth = (many ? 2.5 : 1.8) * (stage.projector ? 1.7 : 1);
  c.stroke();
  c.beginPath();
  c.ellipse(x + w / 2, y + lid, w / 2, lid, 0, 0, Math.PI);
  c.stroke();
  text(stage, "database", x + w / 2, y + lid * 2 + size * 0.9, { align: "center", weight: 700, most: w - 10 });
  text(stage, many.toLocaleString("en"), x + w / 2, y + lid * 2 + size * 3, {
    align: "center",
    weight: 700,
    size: size * 2.3,
    color: many ? look.ink : look.faint,
  });
  text(stage, many === 1 ? "load now" : "loads at once", x + w / 2, y + lid * 2 + size * 4.8, {
    align: "center",
    size: size * 0.9, // so that the words fit for a projector too, where the notebook is 900 pixels wide
    most: w - 8,
    color: many ? look.ink : look.faint,
  });
  const top = y + lid * 2 + size * 6,
    room = y + h - lid * 2 - top,
    row = size * 1.55;
  if (many && many * row <= room && !stage.play.crowd)
    loads.forEach((load, i) => {
      const spot = { x: x + 10, y: top + i * row, w: w - 20, h: row - 4 },
        share = (at - load[1]) / Math.max(load[2] - load[1], 1e-6);
      box(stage, spot, { fill: look.paper, stroke: color(stage, load[0]), line: 1.6, round: 4 });
      c.fillStyle = look.load;
      c.fillRect(spot.x + 3, spot.y + spot.h - 5, (spot.w - 6) * Math.min(share, 1), 3);
      text(stage, stage.play.clients[load[0]] ?? "load", spot.x + 7, spot.y + spot.h / 2 - 1, {
        size: size * 0.85,
        most: spot.w - 12,
      });
    });
  else if (room > size && (stage.play.crowd || many)) {
    // a column that is as high as the queue is long
    const share = many / Math.max(stage.index.loaded, 1),
      bar = { x: x + w * 0.28, w: w * 0.44, y: top + room * (1 - share), h: room * share };
    box(stage, { x: bar.x, y: top, w: bar.w, h: room }, { stroke: look.rule, round: 3 });
    if (many) box(stage, bar, { fill: look.load, round: 3 });
  }
  if (stage.play.dense) return;
  for (const [client, from] of loads)
    if (client >= 0) {
      // from its client, below Redis, to the database
      const seat = stage.clients[client],
        ax = seat.x + seat.w,
        ay = seat.y + seat.h * 0.75,
        by = stage.floor;
      c.setLineDash([7, 5]);
      c.lineDashOffset = -(at - from) * 26;
      c.strokeStyle = look.load;
      c.lineWidth = stage.projector ? 3.5 : 2;
      c.beginPath();
      c.moveTo(ax, ay);
      c.bezierCurveTo(ax + 90, ay, ax + 20, by, ax + 130, by);
      c.lineTo(base.x, by);
      c.stroke();
      c.setLineDash([]);
    }
}

// Streams: as wide as their rate.
function drawFlow(stage, at, now) {
  const { play, look, index, block, size } = stage,
    slot = Math.min(Math.floor(at / 0.1), play.flow[0]?.[0].length - 1),
    c = stage.ink;
  const band = (x0, y0, x1, y1, wide, tone) => {
    const h = wide / 2,
      mid = (x0 + x1) / 2;
    c.globalAlpha = 0.32;
    c.fillStyle = tone;
    c.beginPath();
    c.moveTo(x0, y0 - h);
    c.bezierCurveTo(mid, y0 - h, mid, y1 - h, x1, y1 - h);
    c.lineTo(x1, y1 + h);
    c.bezierCurveTo(mid, y1 + h, mid, y0 + h, x0, y0 + h);
    c.fill();
    c.globalAlpha = 1;
  };
  stage.nodes.forEach((node, i) => {
    const rates = play.flow[i].map((side) => side[slot] ?? 0),
      most = Math.min(node.h * 0.34, 110);
    stage.wideness[i] = rates.map((rate) => Math.max((rate / index.most) * most, 12));
    rates.forEach((rate, side) => {
      const line = streamLine(stage, i, side),
        wide = (rate / index.most) * most;
      if (rate > 0) band(line.x0, line.y0, line.x1, line.y1, Math.max(wide, 2), side ? look.reply : look.request);
      if (rate > 0 && play.nodes.length === 1)
        text(
          stage,
          rateText(stage, rate, side),
          (line.x0 + line.x1) / 2,
          (line.y0 + line.y1) / 2 + (side ? 1 : -1) * (most / 2 + size * 0.9),
          { align: "center", most: line.x1 - line.x0 - 6, size: size * 0.9 },
        );
    });
  });
  if (stage.base && now.loads.length) {
    const wide = Math.max((now.loads.length / Math.max(index.loaded, 1)) * size * 2.6, 2),
      from = play.crowd ? block.x + block.w : stage.clients[0].x + stage.clients[0].w;
    band(from, stage.floor - size * 0.6, stage.base.x, stage.floor - size * 0.6, wide, look.load);
    text(
      stage,
      `${count(now.loads.length, "load")} on the way or at work`,
      (from + stage.base.x) / 2,
      stage.floor - size * 0.6,
      { align: "center", size: size * 0.9 },
    );
  }
}

function rateText(stage, rate, side) {
  const number = Math.round(rate).toLocaleString("en");
  return stage.projector ? `${number} / s` : `${number} ${side ? "replies" : "requests"} a second`;
}

function streamLine(stage, node, side) {
  // from the crowd to a node; replies below requests
  const { block, nodes } = stage,
    there = nodes[node],
    from = block.y + block.h * (side ? 0.58 : 0.3);
  const spread = nodes.length > 1 ? 0.75 : 1;
  return {
    x0: block.x + block.w,
    y0: from * spread + (there.y + there.h / 2) * (1 - spread),
    x1: there.x,
    y1: there.y + there.h * (side ? 0.66 : 0.34),
  };
}

// Messages.
function ends(stage, m) {
  const [client, node] = m,
    seat = stage.clients[client],
    there = stage.nodes[node],
    many = stage.clients.length;
  const y = seat.y + seat.h / 2,
    spread = many > 1 ? (client / (many - 1) - 0.5) * Math.min(there.h * 0.6, 200) : 0;
  return { x0: seat.x + seat.w + 3, y0: y, x1: there.x - 3, y1: there.y + there.h / 2 + spread };
}

function progress(m, at) {
  // [is it the reply?, the share of its way, is it lost there?]; null when it is not on its way
  const [, , leaves, runs, arrives, , , fate] = m,
    came = arrives ?? m.until;
  if (runs === null) return [false, Math.min((at - leaves) / 0.45, 1) * 0.6, at > leaves + 0.45];
  const there = Math.max(runs, leaves + (arrives !== null && arrives - leaves < GLIMPSE ? GLIMPSE / 2 : 0));
  if (at < there && fate !== "push") return [false, (at - leaves) / Math.max(there - leaves, 1e-6), false];
  if (arrives === null) return fate ? [true, Math.min((at - runs) / 0.45, 1) * 0.6, at > runs + 0.45] : null;
  return at < Math.max(came, m.until)
    ? [true, (at - there) / Math.max(Math.max(came, m.until) - there, 1e-6), false]
    : null;
}

function drawMessage(stage, m, at) {
  const moving = progress(m, at);
  if (!moving) return;
  const [back, share, lost] = moving,
    line = ends(stage, m),
    eased = share * share * (3 - 2 * share),
    way = back ? 1 - eased : eased;
  const x = line.x0 + (line.x1 - line.x0) * way,
    y = line.y0 + (line.y1 - line.y0) * way,
    c = stage.ink;
  c.strokeStyle = color(stage, m[0]);
  c.globalAlpha = 0.55;
  c.lineWidth = stage.projector ? 3 : 1.5;
  c.setLineDash(back ? [6, 5] : []);
  c.beginPath();
  if (back) c.moveTo(line.x1, line.y1);
  else c.moveTo(line.x0, line.y0);
  c.lineTo(x, y);
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
  const spot = pillBox(stage, m, back, lost, line, way, y);
  if (stage.placed.every((other) => apart(spot, other))) pill(stage, m, back, lost, spot);
  else {
    c.fillStyle = color(stage, m[0]);
    c.beginPath();
    c.arc(x, y, stage.size * 0.4, 0, 7);
    c.fill();
  }
}

function apart(a, b) {
  return a.x + a.w < b.x || b.x + b.w < a.x || a.y + a.h < b.y || b.y + b.h < a.y;
}

function pillSays(m, back, lost) {
  return lost ? `✕ ${m[7] || "lost"}` : back ? (m[6] || "reply") + (m[7] === "stale" ? " · stale" : "") : m[5];
}

function pillBox(stage, m, back, lost, line, way, y) {
  // between client and node, so that it covers neither
  const { size } = stage,
    gap = line.x1 - line.x0 - 8;
  stage.ink.font = `600 ${size * 0.92}px ${CODE}`;
  const w = Math.min(width(stage, pillSays(m, back, lost)) + 16, Math.max(gap, 60)),
    h = size * 1.7;
  return { x: line.x0 + 4 + Math.max(gap - w, 0) * way, y: y - h / 2, w, h };
}

function pill(stage, m, back, lost, spot) {
  const { look, size } = stage,
    stale = back && !lost && m[7] === "stale";
  stage.placed.push(spot);
  box(stage, spot, {
    fill: stale ? look.stale : look.paper,
    stroke: lost ? look.alarm : color(stage, m[0]),
    line: 1.8,
    round: spot.h / 2,
    dash: back ? [4, 3] : undefined,
  });
  text(stage, pillSays(m, back, lost), spot.x + spot.w / 2, spot.y + spot.h / 2, {
    size: size * 0.92,
    weight: 600,
    code: true,
    align: "center",
    color: stale ? "#111" : lost ? look.alarm : look.ink,
    most: spot.w - 10,
  });
}

function place(stage, m) {
  // keep room for the words of the command that is told
  const line = ends(stage, m),
    gap = stage.size * 1.05;
  for (const back of [false, true]) {
    const middle = (line.y0 + line.y1) / 2 + (back ? gap : -gap);
    stage.placed.push(pillBox(stage, m, back, false, line, 0.5, middle));
  }
}

function drawWhole(stage, m) {
  // the command that the line of text tells: both ways at once
  const { ink: c } = stage,
    [, , , runs, arrives, , , fate] = m;
  const tone = color(stage, m[0]),
    gap = stage.size * 1.05;
  const line = stage.play.crowd ? streamLine(stage, m[1], 0) : ends(stage, m);
  const arrow = (x0, y0, x1, y1, dash) => {
    const angle = Math.atan2(y1 - y0, x1 - x0),
      head = stage.projector ? 15 : 10;
    c.strokeStyle = c.fillStyle = tone;
    c.lineWidth = stage.projector ? 4.5 : 2.6;
    c.setLineDash(dash);
    c.beginPath();
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x1 - head * Math.cos(angle - 0.4), y1 - head * Math.sin(angle - 0.4));
    c.lineTo(x1 - head * Math.cos(angle + 0.4), y1 - head * Math.sin(angle + 0.4));
    c.fill();
  };
  const at = (share, y) => [line.x0 + (line.x1 - line.x0) * share, line.y0 + (line.y1 - line.y0) * share + y];
  const asked = fate !== "push",
    there = runs === null ? 0.6 : 1,
    back = arrives === null ? 0.4 : 0;
  if (asked) arrow(...at(0, -gap), ...at(there, -gap), []);
  if (runs !== null && (arrives !== null || fate)) arrow(...at(1, gap), ...at(back, gap), [7, 5]);
  const word = (back, lost, y) => pill(stage, m, back, lost, pillBox(stage, m, back, lost, line, 0.5, at(0.5, y)[1]));
  if (asked) word(false, runs === null, -gap);
  if (runs !== null) word(true, arrives === null && Boolean(fate), gap);
}

function drawDot(stage, m, at) {
  const moving = progress(m, at);
  if (!moving) return;
  const [back, share, lost] = moving,
    c = stage.ink,
    { look } = stage,
    way = back ? 1 - share : share;
  let line;
  if (stage.play.crowd) {
    line = streamLine(stage, m[1], back ? 1 : 0);
    const off = (((m.number * 7919) % 101) / 101 - 0.5) * 0.9 * (stage.wideness[m[1]]?.[back ? 1 : 0] ?? 12);
    line = { ...line, y0: line.y0 + off, y1: line.y1 + off };
  } else line = ends(stage, m);
  const bend = stage.play.crowd ? way * way * (3 - 2 * way) : way;
  const x = line.x0 + (line.x1 - line.x0) * way,
    y = line.y0 + (line.y1 - line.y0) * bend,
    r = stage.projector ? 5 : 3.2;
  c.fillStyle = lost ? look.alarm : m[7] === "stale" && back ? look.stale : back ? look.reply : look.request;
  c.beginPath();
  if (back) c.rect(x - r, y - r, 2 * r, 2 * r);
  else c.arc(x, y, r, 0, 7); // requests are round, replies square
  c.fill();
  if (m[7] === "stale" && back) {
    c.strokeStyle = look.ink;
    c.lineWidth = 1.2;
    c.stroke();
  }
}

// What takes no time: a bubble at whom it happened to.
function drawSigns(stage, at) {
  const { play, look, size } = stage;
  for (const [who, kind, when, words] of play.signs) {
    if (kind === "violation" || at < when || at > when + 1.6) continue;
    const seat = who >= 0 ? stage.clients[who] : who > -100 ? stage.nodes[-1 - who] : stage.base;
    if (!seat) continue;
    stage.ink.font = `600 ${size}px ${FONT}`;
    const w = Math.min(width(stage, words) + 18, stage.wide * 0.4),
      x = Math.min(seat.x + seat.w * 0.5, stage.wide - w - 6),
      y = Math.max(seat.y - size * 0.9, 6);
    box(
      stage,
      { x, y, w, h: size * 1.8 },
      { fill: kind === "stale" ? look.stale : look.paper, stroke: look.ink, line: 1.6 },
    );
    text(stage, words, x + 9, y + size * 0.9, {
      weight: 600,
      most: w - 14,
      color: kind === "stale" ? "#111" : look.ink,
    });
  }
}

// The violated moment, frozen and named.
function drawBroken(stage, [who, , when, words]) {
  const { look, size, ink: c } = stage,
    seat = stage.play.crowd ? null : who >= 0 ? stage.clients[who] : stage.nodes[-1 - who];
  if (seat) {
    const grow = 6;
    box(
      stage,
      { x: seat.x - grow / 2, y: seat.y - grow / 2, w: seat.w + grow, h: seat.h + grow },
      { stroke: look.alarm, line: 4, round: 10 },
    );
  }
  const big = size * 1.35,
    say = words.length ? words : "The promise is broken";
  c.font = `700 ${big}px ${FONT}`;
  const lines = inLines(stage, `✕ ${say} · ${clockText(stage, when)}`, stage.wide - 60),
    w = Math.min(Math.max(...lines.map((line) => width(stage, line))) + 36, stage.wide - 24),
    h = big * (0.9 + 1.2 * lines.length);
  const spot = { x: (stage.wide - w) / 2 + Math.min(60, (stage.wide - w) / 2), y: 8, w, h };
  box(stage, spot, { fill: look.paper, stroke: look.alarm, line: 4 });
  lines.forEach((line, i) =>
    text(stage, line, spot.x + w / 2, spot.y + (h * (i + 0.5)) / lines.length, {
      size: big,
      weight: 700,
      align: "center",
      most: w - 20,
    }),
  );
}

export default { render };
