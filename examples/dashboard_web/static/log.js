// A job's log: lines that come in batches, folds as <details>, colours by class; the newest lines alone stay.
// Nothing in a log is ever read as markup: text goes in as text, colours as numbers.

const MOST = 5000;
const PER_FRAME = 400;

const $ = (id) => document.getElementById(id);

function span(text, name) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function channel(value) {
  return Math.max(0, Math.min(255, Number(value) | 0));
}

// 16-231 are a cube of 6 by 6 by 6, the rest a ramp of greys.
function colourOf(place) {
  if (Array.isArray(place)) return `rgb(${place.map(channel).join(" ")})`;
  if (place >= 232) {
    const grey = 8 + (place - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const step = (n) => (n === 0 ? 0 : 55 + n * 40);
  const cube = place - 16;
  return `rgb(${step(Math.floor(cube / 36))} ${step(Math.floor(cube / 6) % 6)} ${step(cube % 6)})`;
}

function paint(element, property, place, prefix) {
  if (place === null || place === undefined) return;
  if (place === "front" || place === "back") element.classList.add(`${prefix}-${place}`);
  else if (Number.isInteger(place) && place < 16) element.classList.add(`${prefix}-${channel(place)}`);
  else element.style.setProperty(property, colourOf(place));
}

function textOf(spans, into) {
  for (const [text, front, back, switches] of spans) {
    if (front === undefined) {
      into.append(text);
      continue;
    }
    const element = document.createElement("span");
    element.textContent = text;
    paint(element, "color", front, "f");
    paint(element, "background-color", back, "b");
    for (const name of switches) element.classList.add(`s-${name}`);
    into.append(element);
  }
}

function seconds(value) {
  if (value < 60) return `${value.toFixed(2)} s`;
  return `${Math.floor(value / 60)} min ${String(Math.floor(value % 60)).padStart(2, "0")} s`;
}

export class LogPanel {
  constructor(closed) {
    this.closed = closed;
    this.shown = false;
    this.job = null;
    this.source = null;
    this.box = $("log-lines");
    this.follows = true;
    this.unfolded = false;
    this.clear();
    $("log-close").addEventListener("click", () => this.close());
    $("log-follow").addEventListener("click", () => this.follow(!this.follows));
    $("log-unfold").addEventListener("click", () => this.unfold(!this.unfolded));
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    // Who opens a fold wants to read it, not to be carried off to the end.
    this.box.addEventListener("click", (event) => {
      if (event.target.closest("summary")) this.follow(false);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.shown) this.close();
    });
  }

  // Opening and closing -------------------------------------------------------------------------------------------

  open(job, opener, finished) {
    this.job = job;
    this.opener = opener;
    this.finished = finished;
    this.shown = true;
    $("log").hidden = false;
    document.body.classList.add("with-log");
    $("log-title").textContent = `${job.slug} ${job.number}`;
    $("log-title").focus({ preventScroll: true });
    this.follow(!finished);
    this.listen();
  }

  close() {
    this.pause();
    this.shown = false;
    this.job = null;
    this.clear();
    $("log").hidden = true;
    document.body.classList.remove("with-log");
    this.closed();
    this.opener?.removeAttribute("aria-current");
    const back = this.opener?.isConnected ? this.opener : $("builds");
    back.focus({ preventScroll: true });
  }

  // A job that runs again writes a new log.
  jobIs(id, state, finished) {
    if (this.job?.id !== id) return;
    if (this.finished && !finished && this.ended) {
      this.follow(true);
      this.listen();
    }
    this.finished = finished;
    this.state = state;
    this.putStatus();
  }

  // The stream ----------------------------------------------------------------------------------------------------

  listen() {
    this.pause();
    this.clear();
    this.ended = false;
    this.waits = false;
    const source = (this.source = new EventSource(`jobs/${this.job.id}/log`));
    source.addEventListener("log", (event) => {
      this.waits = false;
      this.take(JSON.parse(event.data));
    });
    source.addEventListener("end", (event) => {
      source.close();
      this.ended = true;
      this.verdict = JSON.parse(event.data);
      this.putStatus();
    });
    source.onerror = () => {
      this.waits = true;
      this.putStatus();
      if (source.readyState === EventSource.CLOSED) {
        this.retry = setTimeout(() => this.source === source && this.listen(), 2000);
      }
    };
    this.putStatus();
  }

  pause() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  resume() {
    if (this.shown && !this.ended) this.listen();
  }

  take(news) {
    if (news.anew) this.clear();
    this.missed += news.skipped;
    this.waiting.push(...news.lines);
    // A page that is slower than the log shows the end of it.
    if (this.waiting.length > MOST) {
      this.missed += this.waiting.length - MOST;
      this.waiting.splice(0, this.waiting.length - MOST);
    }
    this.durations.push(...news.durations);
    this.rest = news.rest;
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  // Drawing -------------------------------------------------------------------------------------------------------

  clear() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.waiting = [];
    this.durations = [];
    this.rest = null;
    this.lines = new Map();
    this.folds = [];
    this.begun = null;
    this.missed = 0;
    this.verdict = null;
    this.box.replaceChildren();
    this.putNote();
  }

  draw() {
    this.frame = 0;
    this.begun?.remove();
    this.begun = null;
    for (const line of this.waiting.splice(0, PER_FRAME)) this.append(line);
    if (!this.waiting.length) {
      for (const [number, value] of this.durations.splice(0)) {
        const element = this.lines.get(number);
        if (element !== undefined) this.time(element, value);
      }
    }
    this.drop();
    if (this.waiting.length) {
      this.frame = requestAnimationFrame(() => this.draw());
    } else if (this.rest !== null) {
      this.begun = this.line(this.rest);
      this.begun.classList.add("begun");
      this.place(this.rest[1]).append(this.begun);
    }
    if (this.follows) this.box.scrollTop = this.box.scrollHeight;
    this.putNote();
    this.putStatus();
  }

  line([number, , spans, cut, duration]) {
    const element = document.createElement("div");
    element.className = "line";
    element.dataset.number = number;
    const text = span("", "text");
    textOf(spans, text);
    if (cut) text.append(span(` … ${cut.toLocaleString("en")} more characters are not shown`, "cut"));
    element.append(text);
    if (duration !== null) this.time(element, duration);
    return element;
  }

  time(element, value) {
    element.querySelector(".duration")?.remove();
    element.append(span(seconds(value), "duration"));
  }

  // Give the fold that lines with these names go into, open no more than needed.
  place(names) {
    let common = 0;
    while (common < names.length && common < this.folds.length && this.folds[common].name === names[common]) common += 1;
    this.folds.length = common;
    for (const name of names.slice(common)) {
      const details = document.createElement("details");
      details.className = "fold";
      details.open = this.unfolded;
      const summary = document.createElement("summary");
      summary.append(span(name, "fold-name"));
      details.append(summary);
      (this.folds.at(-1)?.details ?? this.box).append(details);
      this.folds.push({ name, details, summary });
    }
    return this.folds.at(-1)?.details ?? this.box;
  }

  append(line) {
    const deeper = line[1].length;
    const place = this.place(line[1]);
    const element = this.line(line);
    this.lines.set(line[0], element);
    // The first line of a fold is what shows of it while it is closed.
    const fold = deeper ? this.folds[deeper - 1] : null;
    if (fold !== null && !fold.titled) {
      fold.titled = true;
      fold.summary.prepend(element);
    } else {
      place.append(element);
    }
  }

  drop() {
    for (const [number, element] of this.lines) {
      if (this.lines.size <= MOST) break;
      this.lines.delete(number);
      this.missed += 1;
      let parent = element.parentElement;
      if (parent?.tagName === "SUMMARY") {
        element.replaceWith(span("… ", "cut"));
        continue;
      }
      element.remove();
      while (parent !== null && parent !== this.box && parent.querySelector(".line") === null) {
        const around = parent.parentElement;
        parent.remove();
        parent = around;
      }
    }
  }

  // Buttons and notes ---------------------------------------------------------------------------------------------

  follow(follows) {
    this.follows = follows;
    $("log-follow").setAttribute("aria-pressed", String(follows));
    if (follows) this.box.scrollTop = this.box.scrollHeight;
  }

  scrolled() {
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40;
    if (!atEnd && this.follows && this.frame === 0 && this.box.scrollTop < (this.scrolledTo ?? 0)) this.follow(false);
    this.scrolledTo = this.box.scrollTop;
  }

  unfold(unfolded) {
    this.unfolded = unfolded;
    $("log-unfold").setAttribute("aria-pressed", String(unfolded));
    for (const details of this.box.querySelectorAll("details")) details.open = unfolded;
  }

  putNote() {
    $("log-note").hidden = this.missed === 0;
    $("log-note").textContent = this.missed ? `${this.missed.toLocaleString("en")} earlier lines are not shown.` : "";
  }

  putStatus() {
    let text = this.waits ? "Connection lost, trying again …" : "Following …";
    if (this.ended) {
      const { problem, exit_code: code } = this.verdict ?? {};
      text = problem ? `The log broke off: ${problem}` : `The end${code === null || code === undefined ? "" : ` · exit code ${code}`}`;
    }
    const status = $("log-status");
    if (status.textContent !== text) status.textContent = text;
    status.dataset.state = this.ended ? "ended" : this.waits ? "lost" : "following";
  }
}
