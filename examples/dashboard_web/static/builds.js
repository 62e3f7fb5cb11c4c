// The cards of repositories and their builds, updated in place by id, so that focus and scroll position are kept.
// Data from Travis reaches the page only as text.

import { announce, notify, setText } from "./status.js";

const ICONS = { passed: "✓", failed: "✗", errored: "!", canceled: "⊘", started: "▶", created: "…", queued: "…", received: "…" };
const WORDS = { started: "running", created: "waiting", queued: "waiting", received: "starting" };
const FINISHED = new Set(["passed", "failed", "errored", "canceled"]);
const BROKEN = new Set(["failed", "errored"]);
const FEW = 4;
const MANY_JOBS = 12;
const CROWDED = 18;

const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 60rem)");

export function finished(state) {
  return FINISHED.has(state);
}

function wordOf(state) {
  return WORDS[state] ?? state;
}

function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

function ago(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86400)} d ago`;
}

function cloned(id) {
  return $(id).content.firstElementChild.cloneNode(true);
}

export class Builds {
  // `opened` is called with the id of a job and its button, `changed` with a job's id and state.
  constructor(opened, changed) {
    this.opened = opened;
    this.changed = changed;
    this.cards = new Map();
    this.builds = new Map();
    this.jobs = new Map();
    this.skew = 0;
    narrow.addEventListener("change", () => {
      for (const card of this.cards.values()) this.fold(card);
    });
  }

  now() {
    return Date.now() / 1000 + this.skew;
  }

  counts() {
    const states = [...this.builds.values()].map(({ build }) => build.state);
    const running = states.filter((state) => state === "started").length;
    return {
      running,
      waiting: states.filter((state) => !FINISHED.has(state)).length - running,
      broken: [...this.cards.values()].filter((card) => BROKEN.has(card.element.dataset.state)).length,
      repositories: this.cards.size,
    };
  }

  // Repositories --------------------------------------------------------------------------------------------------

  // Put repositories in their order; drop all others if these are the whole.
  putRepositories(repositories, whole) {
    const wanted = new Set(repositories.map((one) => one.id));
    for (const [id, card] of whole ? this.cards : []) {
      if (!wanted.has(id)) {
        this.show({ id, shown: [] });
        card.element.remove();
        this.cards.delete(id);
      }
    }
    for (const { id, slug } of repositories) {
      const card = this.cards.get(id) ?? this.card(id);
      if (card.slug !== slug) this.name(card, slug);
    }
    document.documentElement.classList.toggle("crowded", this.cards.size > CROWDED);
  }

  card(id) {
    const element = cloned("repository-template");
    const part = (name) => element.querySelector(`.${name}`);
    part("builds").id = `builds-${id}`;
    part("earlier").setAttribute("aria-controls", `builds-${id}`);
    $("builds").append(element);
    const card = { element, part, slug: null, list: part("builds"), earlier: part("earlier"), unfolded: null };
    this.cards.set(id, card);
    card.earlier.addEventListener("click", () => {
      card.unfolded = !this.unfolds(card);
      this.fold(card);
    });
    return card;
  }

  name(card, slug) {
    const [owner, name] = slug.split("/");
    card.slug = slug;
    card.part("owner").textContent = `${owner}/`;
    card.part("name").textContent = name;
    card.part("slug").title = slug;
    card.element.setAttribute("aria-label", slug);
    card.element.dataset.slug = slug;
    for (const element of card.list.children) this.put(this.builds.get(Number(element.dataset.id)).build);
  }

  // By default a wall of many repositories shows the running builds and the newest one of each.
  unfolds(card) {
    return card.unfolded ?? (this.cards.size <= FEW && !narrow.matches);
  }

  fold(card) {
    const shown = [...card.list.children].map((element) => this.builds.get(Number(element.dataset.id)));
    const earlier = shown.filter(({ build }, place) => place > 0 && FINISHED.has(build.state));
    const unfolds = this.unfolds(card);
    for (const { element } of shown) element.hidden = false;
    for (const { element } of unfolds ? [] : earlier) {
      // Keep the build that is focused or whose log is open.
      element.hidden = !element.contains(document.activeElement) && element.querySelector("[aria-current]") === null;
    }
    card.earlier.hidden = earlier.length === 0;
    card.earlier.setAttribute("aria-expanded", String(unfolds));
    const counted = new Map();
    for (const { build } of earlier) counted.set(build.state, (counted.get(build.state) ?? 0) + 1);
    const states = [...counted].map(([state, count]) => `${count} ${wordOf(state)}`).join(", ");
    card.earlier.setAttribute("aria-label", `${earlier.length} earlier builds of ${card.slug}: ${states}`);
    setText(card.part("more"), `${earlier.length} earlier`);
    const strip = card.part("strip");
    while (strip.childElementCount < earlier.length) strip.append(document.createElement("span"));
    while (strip.childElementCount > earlier.length) strip.lastChild.remove();
    for (const [place, { build }] of earlier.entries()) {
      const mark = strip.children[place];
      mark.dataset.state = build.state;
      setText(mark, ICONS[build.state] ?? "?");
    }
  }

  // Builds --------------------------------------------------------------------------------------------------------

  put(build) {
    const shown = this.builds.get(build.id) ?? this.item(build.id);
    const before = shown.build;
    shown.build = build;
    const { element, parts } = shown;
    const slug = this.cards.get(build.repo)?.slug;
    element.dataset.state = build.state;
    setText(parts.icon, ICONS[build.state] ?? "?");
    setText(parts.word, wordOf(build.state));
    setText(parts.number, `#${build.number}`);
    setText(parts.subject, build.subject || "(no message)");
    parts.subject.title = build.subject;
    setText(parts.branch, build.pull_request === null ? build.branch : `pull request ${build.pull_request}`);
    setText(parts.sha, build.sha);
    setText(parts.author, build.author);
    this.putTime(shown);
    const verb = FINISHED.has(build.state) ? "Restart" : "Cancel";
    setText(parts.act, verb);
    parts.act.setAttribute("aria-label", `${verb} build ${build.number} of ${slug}`);
    this.putJobs(shown, build, slug);
    if (before !== null && before.state !== build.state && FINISHED.has(build.state)) {
      announce(`${slug} build ${build.number} ${wordOf(build.state)}.`);
    }
  }

  item(id) {
    const element = cloned("build-template");
    element.dataset.id = id;
    const names = ["icon", "word", "number", "time", "took", "subject", "branch", "sha", "author", "jobs", "act"];
    const parts = Object.fromEntries(names.map((name) => [name, element.querySelector(`.${name}`)]));
    const shown = { element, parts, build: null, jobs: new Map() };
    parts.act.addEventListener("click", () => this.act(shown));
    this.builds.set(id, shown);
    return shown;
  }

  putTime({ parts, build: { started, finished: ended } }) {
    const runs = started !== null && ended === null;
    setText(parts.time, runs ? lasting(this.now() - started) : ended === null ? "" : ago(this.now() - ended));
    setText(parts.took, started === null || ended === null ? "" : lasting(ended - started));
  }

  tick() {
    for (const shown of this.builds.values()) this.putTime(shown);
  }

  putJobs(shown, build, slug) {
    const wanted = new Set(build.jobs.map((job) => job.id));
    for (const [id, button] of shown.jobs) {
      if (!wanted.has(id)) {
        button.remove();
        shown.jobs.delete(id);
        this.jobs.delete(id);
      }
    }
    const many = build.jobs.length > MANY_JOBS;
    shown.parts.jobs.classList.toggle("many", many);
    for (const job of build.jobs) {
      let button = shown.jobs.get(job.id);
      if (button === undefined) {
        button = cloned("job-template");
        button.dataset.job = job.id;
        button.addEventListener("click", () => this.opened(job.id, button));
        shown.parts.jobs.append(button);
        shown.jobs.set(job.id, button);
      }
      button.dataset.state = job.state;
      const allowed = job.allow_failure ? ", may fail" : "";
      const named = job.name ? `${job.number}, ${job.name}` : job.number;
      button.title = `${named}, ${wordOf(job.state)}${allowed}`;
      setText(button.firstElementChild, ICONS[job.state] ?? "?");
      setText(button.lastElementChild, many ? job.number.slice(job.number.lastIndexOf(".") + 1) : job.number);
      button.setAttribute("aria-label", `Log of job ${button.title}`);
      this.jobs.set(job.id, { ...job, slug });
      this.changed(job.id, job.state);
    }
  }

  // Show exactly these builds of a repository, in this order, and why it cannot be read.
  show({ id: repository, shown: ids, error = null, read = true }) {
    const card = this.cards.get(repository);
    const wanted = new Set(ids.map(String));
    const note = error ?? (read && !ids.length ? "No builds yet." : "");
    const told = card.part("error");
    told.hidden = note === "";
    told.classList.toggle("plain", error === null);
    setText(told, note);
    for (const element of [...card.list.children]) {
      if (wanted.has(element.dataset.id)) continue;
      const shown = this.builds.get(Number(element.dataset.id));
      for (const id of shown?.jobs.keys() ?? []) this.jobs.delete(id);
      this.builds.delete(Number(element.dataset.id));
      // Focus would be lost with the removed build; move it to the newest one.
      const focused = element.contains(document.activeElement);
      element.remove();
      if (focused) card.list.querySelector("button")?.focus({ preventScroll: true });
    }
    let place = card.list.firstElementChild;
    for (const id of ids) {
      const shown = this.builds.get(id);
      if (shown === undefined) continue;
      if (shown.element === place) place = place.nextElementSibling;
      else card.list.insertBefore(shown.element, place);
    }
    const states = ids.map((id) => this.builds.get(id)?.build.state);
    card.element.dataset.state = states.find((state) => FINISHED.has(state)) ?? "";
    this.fold(card);
  }

  async act(shown) {
    const { act: button } = shown.parts;
    const verb = FINISHED.has(shown.build.state) ? "restart" : "cancel";
    // Not `disabled`, which would lose the focus.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      const answer = await fetch(`builds/${shown.build.id}/${verb}`, { method: "POST", headers: { "X-Dashboard": "1" } });
      const error = answer.ok ? "" : (await answer.json()).error;
      notify(answer.ok ? `Build ${shown.build.number}: ${verb} asked for.` : error, !answer.ok);
    } catch {
      notify(`Could not ask to ${verb} build ${shown.build.number}: the dashboard does not answer.`, true);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }
}
