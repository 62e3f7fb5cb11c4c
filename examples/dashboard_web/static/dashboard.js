// The builds: told by the server, kept in place by their ids, so that focus and scroll stay where they are.
// What comes from Travis reaches the page as text alone.

import { LogPanel } from "./log.js";

const ICONS = { passed: "✓", failed: "✗", errored: "!", canceled: "⊘", started: "▶", created: "…", queued: "…", received: "…" };
const WORDS = { started: "running", created: "waiting", queued: "waiting", received: "starting" };
const FINISHED = new Set(["passed", "failed", "errored", "canceled"]);
const GIVEN_UP = 30000;
const LONGEST_PAUSE = 10000;

const $ = (id) => document.getElementById(id);
const cards = new Map();
const builds = new Map();
const jobs = new Map();
let merged = 0;
let health = null;
let skew = 0;
let heard = 0;
let source = null;
let pause = 500;
let reopening = 0;
let told = false;

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Time ------------------------------------------------------------------------------------------------------------

function now() {
  return Date.now() / 1000 + skew;
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

function timeOf(build) {
  if (build.started === null) return "";
  if (build.finished === null) return lasting(now() - build.started);
  return `${lasting(build.finished - build.started)} · ${ago(now() - build.finished)}`;
}

// Builds ----------------------------------------------------------------------------------------------------------

function cloned(id) {
  return $(id).content.firstElementChild.cloneNode(true);
}

function putRepositories(repositories) {
  const wanted = new Set(repositories.map((one) => one.id));
  for (const [id, card] of cards) {
    if (!wanted.has(id)) {
      showBuilds(id, []);
      card.element.remove();
      cards.delete(id);
    }
  }
  for (const one of repositories) {
    if (cards.has(one.id)) continue;
    const element = cloned("repository-template");
    const [owner, name] = one.slug.split("/");
    element.querySelector(".owner").textContent = `${owner}/`;
    const heading = element.querySelector(".name");
    heading.textContent = name;
    element.setAttribute("aria-label", one.slug);
    element.dataset.slug = one.slug;
    $("builds").append(element);
    cards.set(one.id, { element, list: element.querySelector(".builds"), slug: one.slug });
  }
}

function putBuild(build) {
  let shown = builds.get(build.id);
  if (shown === undefined) {
    const element = cloned("build-template");
    element.dataset.id = build.id;
    const part = (name) => element.querySelector(`.${name}`);
    const parts = Object.fromEntries(
      ["icon", "word", "number", "time", "subject", "branch", "sha", "author", "jobs", "act"].map((n) => [n, part(n)]),
    );
    shown = { element, parts, build: null, jobs: new Map() };
    parts.act.addEventListener("click", () => act(shown));
    builds.set(build.id, shown);
  }
  const before = shown.build;
  shown.build = build;
  const { element, parts } = shown;
  const word = WORDS[build.state] ?? build.state;
  element.dataset.state = build.state;
  setText(parts.icon, ICONS[build.state] ?? "?");
  setText(parts.word, word);
  setText(parts.number, `#${build.number}`);
  setText(parts.subject, build.subject || "(no message)");
  setText(parts.branch, build.pull_request === null ? build.branch : `pull request ${build.pull_request}`);
  setText(parts.sha, build.sha);
  setText(parts.author, build.author);
  setText(parts.time, timeOf(build));
  const verb = FINISHED.has(build.state) ? "Restart" : "Cancel";
  setText(parts.act, verb);
  parts.act.setAttribute("aria-label", `${verb} build ${build.number} of ${cards.get(build.repo)?.slug}`);
  if (before === null || before.state !== build.state) parts.act.disabled = false;
  putJobs(shown, build);
  if (before !== null && before.state !== build.state && FINISHED.has(build.state)) announce(build, word);
}

function putJobs(shown, build) {
  const wanted = new Set(build.jobs.map((job) => job.id));
  for (const [id, button] of shown.jobs) {
    if (!wanted.has(id)) {
      button.remove();
      shown.jobs.delete(id);
      jobs.delete(id);
    }
  }
  for (const job of build.jobs) {
    let button = shown.jobs.get(job.id);
    if (button === undefined) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "job";
      button.dataset.job = job.id;
      button.append(document.createElement("span"), document.createElement("span"));
      button.firstChild.setAttribute("aria-hidden", "true");
      button.firstChild.className = "icon";
      button.addEventListener("click", () => open(job.id, button));
      shown.parts.jobs.append(button);
      shown.jobs.set(job.id, button);
    }
    button.dataset.state = job.state;
    setText(button.firstChild, ICONS[job.state] ?? "?");
    setText(button.lastChild, job.number);
    const allowed = job.allow_failure ? ", may fail" : "";
    button.setAttribute("aria-label", `Log of job ${job.number}, ${WORDS[job.state] ?? job.state}${allowed}`);
    jobs.set(job.id, { ...job, slug: cards.get(build.repo)?.slug ?? "" });
    panel.jobIs(job.id, job.state, FINISHED.has(job.state));
  }
}

function showBuilds(repository, ids) {
  const card = cards.get(repository);
  if (card === undefined) return;
  const wanted = new Set(ids.map(String));
  for (const element of [...card.list.children]) {
    if (wanted.has(element.dataset.id)) continue;
    const shown = builds.get(Number(element.dataset.id));
    for (const id of shown?.jobs.keys() ?? []) jobs.delete(id);
    builds.delete(Number(element.dataset.id));
    // Focus would be lost with what goes; the list's newest is the next best place.
    const focused = element.contains(document.activeElement);
    element.remove();
    if (focused) card.list.querySelector("button")?.focus({ preventScroll: true });
  }
  let place = card.list.firstElementChild;
  for (const id of ids) {
    const shown = builds.get(id);
    if (shown === undefined) continue;
    if (shown.element === place) place = place.nextElementSibling;
    else card.list.insertBefore(shown.element, place);
  }
  const last = ids.map((id) => builds.get(id)?.build.state).find((state) => FINISHED.has(state));
  card.element.dataset.state = last ?? "";
}

async function act(shown) {
  const { act: button } = shown.parts;
  const verb = FINISHED.has(shown.build.state) ? "restart" : "cancel";
  // Not `disabled`: that would throw the focus away.
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(`builds/${shown.build.id}/${verb}`, { method: "POST", headers: { "X-Dashboard": "1" } });
    const said = answer.ok ? "" : (await answer.json()).error;
    say(answer.ok ? `Build ${shown.build.number}: ${verb} asked for.` : said, !answer.ok);
  } catch {
    say(`Could not ask to ${verb} build ${shown.build.number}: the dashboard does not answer.`, true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

// What is said ----------------------------------------------------------------------------------------------------

const waiting = [];
let speaking = 0;

function announce(build, word) {
  waiting.push(`${cards.get(build.repo)?.slug} build ${build.number} ${word}.`);
  if (!speaking) {
    speaking = setTimeout(() => {
      speaking = 0;
      say(waiting.splice(0).slice(-3).join(" "), false);
    }, 1500);
  }
}

let hiding = 0;

function say(text, seen) {
  const said = $("said");
  said.className = seen ? "toast" : "unseen";
  setText(said, text);
  clearTimeout(hiding);
  if (seen) hiding = setTimeout(() => (said.className = "unseen"), 8000);
}

function putStatus() {
  const status = $("status");
  let state = "behind";
  let text = "Connecting …";
  if (!told || source === null || source.readyState !== EventSource.OPEN) {
    text = told ? "The dashboard does not answer. Trying again …" : text;
  } else if (health !== null) {
    const more = [];
    if (merged) more.push(`${merged} updates merged`);
    if (health.dropped) more.push(`${health.dropped} events dropped`);
    if (health.gaps) more.push(`${health.gaps} ${health.gaps === 1 ? "gap" : "gaps"}`);
    if (health.behind !== null) {
      text = `Behind: ${health.behind}`;
    } else if (health.state === "connected") {
      state = "live";
      text = ["Live", ...more].join(" · ");
    } else {
      text = `Behind: live channel ${health.state}`;
    }
  }
  status.dataset.health = state;
  setText(status, text);
}

function putCounts() {
  let running = 0;
  let waits = 0;
  for (const { build } of builds.values()) {
    if (build.state === "started") running += 1;
    else if (!FINISHED.has(build.state)) waits += 1;
  }
  const failing = [...cards.values()].filter((card) => ["failed", "errored"].includes(card.element.dataset.state)).length;
  setText($("counts"), `${running} running · ${waits} waiting · ${failing} of ${cards.size} broken`);
  document.title = failing ? `(${failing}) Builds` : "Builds";
}

// The stream ------------------------------------------------------------------------------------------------------

function listen() {
  clearTimeout(reopening);
  source?.close();
  source = new EventSource("events");
  heard = Date.now();
  source.addEventListener("hello", (event) => {
    pause = 500;
    merged = 0;
    told = true;
    putRepositories(JSON.parse(event.data).repositories);
  });
  source.addEventListener("board", (event) => {
    heard = Date.now();
    const news = JSON.parse(event.data);
    skew = news.now - heard / 1000;
    merged += news.merged;
    health = news;
    for (const build of news.builds) putBuild(build);
    for (const [repository, ids] of Object.entries(news.shown)) showBuilds(Number(repository), ids);
    putStatus();
    putCounts();
    openFromAddress();
  });
  source.onerror = () => {
    putStatus();
    // It comes back by itself after a lost connection, but not after an answer that it does not like.
    if (source.readyState === EventSource.CLOSED) again();
  };
}

function again() {
  clearTimeout(reopening);
  reopening = setTimeout(listen, pause * (0.5 + Math.random()));
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function tick() {
  for (const { parts, build } of builds.values()) setText(parts.time, timeOf(build));
  putStatus();
  if (!document.hidden && Date.now() - heard > GIVEN_UP) listen();
}

// Logs ------------------------------------------------------------------------------------------------------------

const panel = new LogPanel(() => {
  history.replaceState(null, "", location.pathname);
  $("builds").inert = false;
});
const narrow = matchMedia("(max-width: 60rem)");

function open(id, opener) {
  const job = jobs.get(id);
  if (job === undefined) return;
  history.replaceState(null, "", `#job-${id}`);
  for (const button of document.querySelectorAll(".job[aria-current]")) button.removeAttribute("aria-current");
  opener?.setAttribute("aria-current", "true");
  panel.open(job, opener, FINISHED.has(job.state));
  $("builds").inert = narrow.matches;
}

narrow.addEventListener("change", () => ($("builds").inert = narrow.matches && panel.shown));

function openFromAddress() {
  const found = /^#job-(\d{1,15})$/.exec(location.hash);
  if (found !== null && !panel.shown) open(Number(found[1]), document.querySelector(`[data-job="${found[1]}"]`));
}

document.addEventListener("visibilitychange", () => {
  // A browser keeps few connections to one host: a page that nobody sees gives its own back.
  if (document.hidden) {
    source?.close();
    panel.pause();
  } else {
    listen();
    panel.resume();
  }
});

setInterval(tick, 1000);
listen();
