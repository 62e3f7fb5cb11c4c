// The lines of a log: they arrive in batches, folds are <details>, colours are classes; only the newest lines are kept.
// Nothing in a log is parsed as markup: text is inserted as text, colours as numbers, and web addresses alone are links.

const URLS = /https?:\/\/[^\s<>"'`\\|^{}]+/g;
const PER_FRAME = 10;
const AT_LEAST = 100;
const REST = 1;
const MAX_REST = 200;
const TOGETHER = 100;

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

// Append text whose web addresses are links.
function appendText(text, into) {
  let end = 0;
  for (const { 0: found, index } of text.matchAll(URLS)) {
    const url = found.replace(/[.,;:!?)\]]+$/, "");
    if (!URL.canParse(url)) continue;
    const link = document.createElement("a");
    link.href = url;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    link.textContent = url;
    into.append(text.slice(end, index), link);
    end = index + url.length;
  }
  into.append(text.slice(end));
}

function textOf(spans, into) {
  for (const [text, front, back, switches] of spans) {
    if (front === undefined) {
      appendText(text, into);
      continue;
    }
    const element = document.createElement("span");
    appendText(text, element);
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

export class LogLines {
  constructor(box, drawn) {
    this.box = box;
    this.drawn = drawn;
    this.unfolded = false;
    this.most = 0;
    this.notBefore = 0;
    this.clear();
    box.addEventListener("copy", (event) => this.copy(event));
  }

  clear() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.timer = 0;
    this.waiting = [];
    this.durations = [];
    this.rest = null;
    this.lines = new Map();
    this.folds = [];
    this.bundles = [];
    this.begun = null;
    this.missed = 0;
    this.dropped = 0;
    this.failed = [0, 0];
    this.pointed = 0;
    this.box.replaceChildren();
  }

  take(news) {
    if (news.reset) this.clear();
    if (news.standing !== null) this.takeBack(news.standing);
    this.missed += news.skipped;
    this.dropped = news.dropped;
    this.box.style.setProperty("--digits", Math.max(4, String(news.total).length));
    this.waiting.push(...news.lines);
    // A page that is slower than the log shows its end.
    const surplus = Math.max(0, this.waiting.length - this.most);
    this.missed += surplus;
    this.waiting.splice(0, surplus);
    this.fail([news.outcome.line ?? 0, news.outcome.last ?? 0]);
    this.durations.push(...news.durations);
    this.rest = news.rest;
    this.soon();
  }

  soon() {
    this.timer ||= setTimeout(() => {
      this.frame = requestAnimationFrame(() => this.draw());
    }, this.notBefore - performance.now());
  }

  // Draw for some milliseconds, then pause for a multiple of that time, so that the page stays responsive.
  draw() {
    this.timer = 0;
    this.rememberBundles();
    this.begun?.remove();
    this.begun = null;
    const began = performance.now();
    let count = 0;
    while (count < this.waiting.length && (count < AT_LEAST || performance.now() < began + PER_FRAME)) {
      this.append(this.waiting[count]);
      count += 1;
    }
    this.waiting.splice(0, count);
    if (!this.waiting.length) {
      for (const [number, value] of this.durations.splice(0)) {
        const element = this.lines.get(number);
        if (element !== undefined) this.time(element, value);
      }
    }
    this.drop();
    if (!this.waiting.length && this.rest !== null) {
      this.begun = this.line(this.rest);
      this.begun.classList.add("begun");
      this.bundleIn(this.place(this.rest[1])).append(this.begun);
    }
    this.drawn();
    const ended = performance.now();
    this.notBefore = ended + Math.min(REST * (ended - began), MAX_REST);
    if (this.waiting.length) this.soon();
  }

  line([number, , spans, cut, duration]) {
    const element = document.createElement("div");
    element.className = "line";
    element.dataset.number = number;
    const text = span("", "text");
    textOf(spans, text);
    element.append(text);
    if (cut) element.append(span(` … ${cut.toLocaleString("en")} more characters are not shown`, "cut"));
    this.mark(number, element);
    if (duration !== null) this.time(element, duration);
    return element;
  }

  time(element, value) {
    element.querySelector(".duration")?.remove();
    element.append(span(seconds(value), "duration"));
  }

  // Return the fold for lines with these names; create what is missing.
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
      this.bundleIn(this.folds.at(-1)?.details ?? this.box).append(details);
      this.folds.push({ name, details, summary });
    }
    return this.folds.at(-1)?.details ?? this.box;
  }

  // Return the bundle for the next line or fold within an element. The browser skips rendering of bundles off the screen
  // (content-visibility); per line, that would cost more than it saves.
  bundleIn(element) {
    let bundle = element.lastElementChild;
    if (bundle === null || !bundle.classList.contains("bundle") || bundle.childElementCount >= TOGETHER) {
      bundle = document.createElement("div");
      bundle.className = "bundle";
      element.append(bundle);
      this.bundles.push(bundle);
    }
    return bundle;
  }

  // A full bundle may be skipped once it has been rendered: its height is known then, and nothing jumps.
  rememberBundles() {
    for (const bundle of this.bundles) {
      if (bundle.childElementCount >= TOGETHER) bundle.classList.add("past");
    }
    this.bundles = this.bundles.filter((bundle) => bundle.childElementCount < TOGETHER && bundle.isConnected);
  }

  append(line) {
    const place = this.place(line[1]);
    const element = this.line(line);
    this.lines.set(line[0], element);
    // The first line of a fold is its summary.
    const fold = this.folds.at(-1);
    if (fold !== undefined && !fold.titled) {
      fold.titled = true;
      // A title is a button itself: no links within.
      for (const link of element.querySelectorAll("a")) link.replaceWith(link.textContent);
      fold.summary.prepend(element);
    } else {
      this.bundleIn(place).append(element);
    }
  }

  // Remove the oldest lines, and folds that become empty.
  drop() {
    for (const [number, element] of this.lines) {
      if (this.lines.size <= this.most) break;
      this.missed += 1;
      this.remove(number, element);
    }
  }

  remove(number, element) {
    this.lines.delete(number);
    let parent = element.parentElement;
    if (parent.tagName === "SUMMARY") {
      element.replaceWith(span("… ", "cut"));
      parent = parent.parentElement;
    } else {
      element.remove();
    }
    while (parent !== this.box && parent.querySelector(".line") === null) {
      const around = parent.parentElement;
      parent.remove();
      parent = around;
    }
  }

  // Once a log has ended, some of its last lines may turn out to stand elsewhere: they come again.
  takeBack(standing) {
    this.waiting = this.waiting.filter(([number]) => number <= standing);
    for (const [number, element] of this.lines) {
      if (number > standing) this.remove(number, element);
    }
    this.folds = this.folds.filter(({ details }) => details.isConnected);
  }

  // What failed -------------------------------------------------------------------------------------------------

  // Mark the command that failed and what it printed: the first line and the last one.
  fail([line, last]) {
    if (line === this.failed[0] && last === this.failed[1]) return;
    for (const element of this.box.querySelectorAll(".failed, .of-failed")) element.classList.remove("failed", "of-failed");
    this.failed = [line, last];
    for (let number = line; number <= Math.min(last, line + this.most); number += 1) {
      const element = this.lines.get(number);
      if (element !== undefined) this.mark(number, element);
    }
  }

  mark(number, element) {
    const [line, last] = this.failed;
    if (number === line) element.classList.add("failed");
    else if (line < number && number <= last) element.classList.add("of-failed");
  }

  // Finding and copying -------------------------------------------------------------------------------------------

  // Open the folds around a line and scroll to it; return whether it is on the page.
  reveal(number) {
    const element = this.lines.get(number);
    if (element === undefined) return false;
    for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    this.point(element);
    element.scrollIntoView({ block: "center" });
    // The lines around it have their real heights only once they have been rendered.
    requestAnimationFrame(() => element.isConnected && element.scrollIntoView({ block: "center" }));
    return true;
  }

  point(element) {
    this.box.querySelector(".target")?.classList.remove("target");
    element.classList.add("target");
    this.pointed = Number(element.dataset.number);
  }

  // Return the numbers of the lines that contain a text, in any case.
  find(text) {
    const wanted = text.toLowerCase();
    if (wanted === "") return [];
    const found = [...this.lines].filter(([, element]) => element.firstElementChild.textContent.toLowerCase().includes(wanted));
    return found.map(([number]) => number).sort((one, other) => one - other);
  }

  // The text of the log itself: with its blank lines and what is folded, without durations and names of folds.
  copy(event) {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    const texts = [];
    for (const { firstElementChild: text } of this.box.querySelectorAll(".line")) {
      if (!range.intersectsNode(text)) continue;
      const part = document.createRange();
      part.selectNodeContents(text);
      if (part.comparePoint(range.startContainer, range.startOffset) === 0) part.setStart(range.startContainer, range.startOffset);
      if (part.comparePoint(range.endContainer, range.endOffset) === 0) part.setEnd(range.endContainer, range.endOffset);
      texts.push(part.toString());
    }
    if (!texts.length) return;
    event.clipboardData.setData("text/plain", texts.join("\n"));
    event.preventDefault();
  }

  unfold(unfolded) {
    this.unfolded = unfolded;
    for (const details of this.box.querySelectorAll("details")) details.open = unfolded;
  }
}
