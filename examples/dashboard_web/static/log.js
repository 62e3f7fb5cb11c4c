// The panel of a job's log: its stream, its buttons, its status.

import { LogLines } from "./lines.js";
import { notify, setText } from "./status.js";

// Lines that are shown at first, and at most; lines that are shown above one that is gone to.
const AT_FIRST = 5000;
const AT_MOST = 50000;
const ABOVE = 100;

const UP = new Set(["ArrowUp", "PageUp", "Home"]);

const $ = (id) => document.getElementById(id);

export class LogPanel {
  // `moved` is called with the hash of what is shown, or "".
  constructor(moved, closed) {
    this.moved = moved;
    this.closed = closed;
    this.shown = false;
    this.reachable = true;
    this.job = null;
    this.source = null;
    this.verdict = null;
    this.outcome = null;
    this.box = $("log-lines");
    this.follows = true;
    this.lines = new LogLines(this.box, () => this.drawn());
    $("log-close").addEventListener("click", () => this.close());
    $("log-follow").addEventListener("click", () => this.follow(!this.follows));
    $("log-unfold").addEventListener("click", () => this.unfold(!this.lines.unfolded));
    $("log-failure").addEventListener("click", () => this.failure());
    $("log-top").addEventListener("click", () => this.top());
    $("log-end").addEventListener("click", () => (this.loading ? this.go(this.total) : this.scroll(this.box.scrollHeight)));
    $("log-earlier").addEventListener("click", () => this.more(this.first, this.first));
    $("log-search").addEventListener("input", () => this.search(0));
    $("log-search").addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.search(event.shiftKey ? -1 : 1);
    });
    this.box.addEventListener("click", (event) => this.link(event));
    this.stopFollowingForReaders();
    document.addEventListener("keydown", (event) => {
      const clears = event.target.id === "log-search" && event.target.value !== "";
      if (event.key === "Escape" && this.shown && !clears) this.close();
    });
  }

  // Opening and closing -------------------------------------------------------------------------------------------

  open(job, opener, finished, line) {
    this.job = job;
    this.opener = opener;
    this.finished = finished;
    this.shown = true;
    $("log").hidden = false;
    document.body.classList.add("with-log");
    const title = $("log-title");
    title.textContent = `${job.slug} ${job.number}${job.name ? ` · ${job.name}` : ""}`;
    title.title = title.textContent;
    title.focus({ preventScroll: true });
    $("log-raw").href = `jobs/${job.id}/log.txt`;
    $("log-search").value = "";
    this.moved(`#job-${job.id}${line === null ? "" : `-L${line}`}`);
    this.lines.most = AT_FIRST;
    this.target = line;
    // A job that failed is read from there.
    this.seeksFailure = finished && line === null;
    this.follow(!finished && line === null);
    this.listen();
  }

  close() {
    this.pause();
    this.shown = false;
    this.job = null;
    this.clear();
    $("log").hidden = true;
    document.body.classList.remove("with-log");
    this.moved("");
    this.closed();
    this.opener?.removeAttribute("aria-current");
    const back = this.opener?.isConnected ? this.opener : $("builds");
    back.focus({ preventScroll: true });
  }

  // A job that runs again writes a new log.
  jobIs(id, state, finished) {
    if (this.job?.id !== id) return;
    if (this.finished && !finished && this.ended) {
      this.target = null;
      this.seeksFailure = false;
      this.follow(true);
      this.listen();
    }
    this.finished = finished;
    this.putStatus();
  }

  // The stream ----------------------------------------------------------------------------------------------------

  listen() {
    this.pause();
    this.clear();
    this.ended = false;
    this.waits = false;
    const source = (this.source = new EventSource(`jobs/${this.job.id}/log?last=${this.lines.most}`));
    source.addEventListener("log", (event) => {
      this.waits = false;
      const news = JSON.parse(event.data);
      if (news.reset) this.verdict = null;
      this.outcome = news.outcome;
      this.total = news.total;
      this.lines.take(news);
    });
    source.addEventListener("end", (event) => {
      source.close();
      this.ended = true;
      this.verdict = JSON.parse(event.data);
      this.putStatus();
      this.arrive();
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

  clear() {
    this.lines.clear();
    this.verdict = null;
    this.outcome = null;
    this.total = 0;
    this.seeks = false;
    this.putFound([]);
    this.putNote();
  }

  // Whether Travis can be reached.
  reach(reachable) {
    this.reachable = reachable;
    if (this.shown) this.putStatus();
  }

  drawn() {
    if (this.follows) this.box.scrollTop = this.box.scrollHeight;
    this.putNote();
    this.putStatus();
    this.arrive();
  }

  // Places in the log ---------------------------------------------------------------------------------------------

  get first() {
    return this.lines.missed + 1;
  }

  // Whether lines that exist are still to come.
  get loading() {
    return this.lines.waiting.length > 0 || (this.finished && !this.ended);
  }

  // Scroll to where the reader wants to be, once everything is drawn.
  arrive() {
    if (this.lines.waiting.length || (!this.ended && this.lines.lines.size === 0)) return;
    if (this.ended && this.seeksFailure && this.outcome !== null) {
      this.seeksFailure = false;
      this.target = this.outcome.line;
    }
    if (this.seeks && !this.loading) this.search(0);
    const { target, outcome } = this;
    if (!target) return;
    if (this.lines.reveal(target)) this.target = null;
    else if (this.canLoad(target)) this.more(target, target);
    else if (this.ended) {
      notify(target > this.total ? `This log has no line ${target}.` : `Line ${target} cannot be loaded: see the raw log.`, true);
      this.target = null;
      if (outcome?.line && outcome.line !== target) this.go(outcome.line);
    }
  }

  canLoad(line) {
    return line < this.first && this.total - line < AT_MOST && this.lines.most < AT_MOST;
  }

  go(line) {
    this.follow(false);
    this.target = line;
    this.arrive();
  }

  // Load earlier lines, at least from a line on, and show the target, if there is one.
  more(line, target) {
    this.follow(false);
    this.target = target;
    this.lines.most = Math.min(AT_MOST, Math.max(2 * this.lines.most, this.total - line + ABOVE));
    this.listen();
  }

  top() {
    if (this.canLoad(1)) this.go(1);
    else this.scroll(0);
  }

  // Go to the command that failed, then to the end of what it printed.
  failure() {
    const { line, last } = this.outcome;
    this.go(this.lines.pointed === line ? last || line : line);
  }

  scroll(place) {
    this.target = null;
    this.lines.pointed = 0;
    this.follow(false);
    this.box.scrollTop = place;
  }

  // Go to the next line with the text, or the one before it. Without one, load earlier lines and search again.
  search(step) {
    const text = $("log-search").value;
    const found = this.lines.find(text);
    const missing = text !== "" && !found.length;
    const loads = missing && !this.loading && this.canLoad(1);
    if (loads) this.more(1, null);
    this.seeks = loads || (missing && this.loading);
    const at = found.indexOf(this.at);
    const next = at < 0 ? 0 : (at + step + found.length) % found.length;
    this.putFound(found, next);
    if (found.length) this.go(found[next]);
  }

  putFound(found, place = 0) {
    this.at = found[place];
    const sought = $("log-search").value !== "" && this.shown;
    const nothing = !sought ? "" : this.seeks ? "searching …" : this.first > 1 ? "not in these lines" : "not found";
    setText($("log-found"), found.length ? `${place + 1} of ${found.length}` : nothing);
  }

  // A click on the number of a line puts a link to it into the address.
  link(event) {
    const line = event.target;
    if (!line.classList.contains("line") || event.offsetX > line.firstElementChild.offsetLeft) return;
    event.preventDefault();
    this.moved(`#job-${this.job.id}-L${line.dataset.number}`);
    this.lines.point(line);
  }

  // Buttons and notes ---------------------------------------------------------------------------------------------

  follow(follows) {
    this.follows = follows;
    this.box.classList.toggle("follows", follows);
    $("log-follow").setAttribute("aria-pressed", String(follows));
    if (follows) this.box.scrollTop = this.box.scrollHeight;
  }

  // Stop following once somebody scrolls up or goes to a fold. Scroll events do not tell who scrolled: the browser sends
  // them for its own layout of new lines, too. So ask wheel, fingers, keys, and the pointer on the scroll bar.
  stopFollowingForReaders() {
    const { box } = this;
    const on = (name, reads) => {
      const stop = (event) => {
        if (reads(event) && this.follows) this.follow(false);
      };
      box.addEventListener(name, stop, { passive: true });
    };
    const goesUp = (up) => up && box.scrollTop > 0;
    for (const name of ["wheel", "touchmove", "pointerdown"]) {
      box.addEventListener(name, () => ((this.seeksFailure = false), (this.target = null)), { passive: true });
    }
    on("wheel", (event) => goesUp(event.deltaY < 0 && !event.ctrlKey));
    on("keydown", ({ key, shiftKey }) => goesUp(UP.has(key) || (key === " " && shiftKey)));
    let finger = 0;
    const move = (event) => {
      const before = finger;
      finger = event.touches[0].clientY;
      return finger - before;
    };
    on("touchstart", (event) => move(event) && false);
    on("touchmove", (event) => goesUp(move(event) > 0));
    on("pointerdown", ({ target, offsetX }) => goesUp(target === box && offsetX >= box.clientWidth));
    for (const name of ["click", "focusin"]) on(name, ({ target }) => target.closest("summary") !== null);
  }

  unfold(unfolded) {
    this.lines.unfold(unfolded);
    if (this.follows) this.box.scrollTop = this.box.scrollHeight;
    $("log-unfold").setAttribute("aria-pressed", String(unfolded));
  }

  putNote() {
    const { missed, dropped } = this.lines;
    const notes = [];
    if (missed) notes.push(`${missed.toLocaleString("en")} earlier lines are not shown.`);
    if (dropped) notes.push(`${dropped.toLocaleString("en")} folds, timers and commands are too many: their lines are plain.`);
    $("log-note").hidden = notes.length === 0;
    setText($("log-note-text"), notes.join(" "));
    $("log-earlier").hidden = !missed || this.lines.most >= AT_MOST;
  }

  putStatus() {
    let text = this.waits ? "Connection lost, trying again …" : this.finished ? "Loading …" : "Following …";
    let state = this.waits ? "lost" : "following";
    if (!this.waits && !this.reachable) {
      text = "Travis does not answer, trying again …";
      state = "lost";
    }
    if (this.ended) {
      const problem = this.verdict?.problem;
      text = problem ? `The log broke off: ${problem}` : `The end · ${this.outcome?.text}`;
      state = problem ? "lost" : this.outcome?.kind;
    }
    const status = $("log-status");
    setText(status, text);
    status.dataset.state = state;
    $("log-failure").hidden = !this.outcome?.line;
  }
}
