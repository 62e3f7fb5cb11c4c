// The panel of a job's log: its stream, its buttons, its status.

import { LogLines } from "./lines.js";

const UP = new Set(["ArrowUp", "PageUp", "Home"]);

const $ = (id) => document.getElementById(id);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class LogPanel {
  constructor(closed) {
    this.closed = closed;
    this.shown = false;
    this.job = null;
    this.source = null;
    this.verdict = null;
    this.box = $("log-lines");
    this.follows = true;
    this.lines = new LogLines(this.box, () => this.drawn());
    $("log-close").addEventListener("click", () => this.close());
    $("log-follow").addEventListener("click", () => this.follow(!this.follows));
    $("log-unfold").addEventListener("click", () => this.unfold(!this.lines.unfolded));
    this.stopFollowingForReaders();
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
    const title = $("log-title");
    title.textContent = `${job.slug} ${job.number}`;
    title.title = title.textContent;
    title.focus({ preventScroll: true });
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
      const news = JSON.parse(event.data);
      if (news.reset) this.verdict = null;
      this.lines.take(news);
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

  clear() {
    this.lines.clear();
    this.verdict = null;
    this.putNote();
  }

  drawn() {
    if (this.follows) this.box.scrollTop = this.box.scrollHeight;
    this.putNote();
    this.putStatus();
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
    setText($("log-note"), notes.join(" "));
  }

  putStatus() {
    let text = this.waits ? "Connection lost, trying again …" : "Following …";
    if (this.ended) {
      const { problem, exit_code: code } = this.verdict ?? {};
      text = problem ? `The log broke off: ${problem}` : `The end${code === null || code === undefined ? "" : ` · exit code ${code}`}`;
    }
    const status = $("log-status");
    setText(status, text);
    status.dataset.state = this.ended ? "ended" : this.waits ? "lost" : "following";
  }
}
