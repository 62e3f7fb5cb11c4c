// The page: its stream of builds, which reconnects by itself, and the open log.

import { Builds, finished } from "./builds.js";
import { LogPanel } from "./log.js";
import { notify, putCounts, putStatus } from "./status.js";

const GIVEN_UP = 30000;
const MAX_PAUSE = 10000;

const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 60rem)");
let health = null;
let heard = 0;
let source = null;
let pause = 500;
let reopening = 0;
let connected = false;

// Logs ------------------------------------------------------------------------------------------------------------

const builds = new Builds(open, (id, state) => panel.jobIs(id, state, finished(state)));
const panel = new LogPanel(putAddress, () => ($("builds").inert = false));

// The log is a step of the history of its own: Back closes it. Opening others and closing it add no further steps.
function putAddress(hash) {
  if (hash !== "" && !history.state?.log) {
    history.replaceState(null, "", location.pathname);
    history.pushState({ log: true }, "", hash);
  } else {
    history.replaceState(history.state, "", hash || location.pathname);
  }
}

function open(id, opener, line = null) {
  const job = builds.jobs.get(id);
  if (job === undefined) return;
  for (const button of document.querySelectorAll(".job[aria-current]")) button.removeAttribute("aria-current");
  opener?.setAttribute("aria-current", "true");
  panel.open(job, opener, finished(job.state), line);
  $("builds").inert = narrow.matches;
}

narrow.addEventListener("change", () => ($("builds").inert = narrow.matches && panel.shown));

// Show what the address names: #job-12 or #job-12-L345.
function openFromAddress() {
  const [, job, line] = /^#job-(\d{1,15})(?:-L(\d{1,9}))?$/.exec(location.hash) ?? [];
  if (job === undefined) return panel.shown && panel.close();
  if (panel.shown && panel.job.id === Number(job)) return line && panel.go(Number(line));
  if (builds.jobs.has(Number(job))) return open(Number(job), document.querySelector(`[data-job="${job}"]`), Number(line) || null);
  if (health?.complete) {
    notify(`Job ${job} is not among the newest builds on this page.`, true);
    putAddress("");
  }
}

addEventListener("popstate", openFromAddress);

// The stream ------------------------------------------------------------------------------------------------------

function status() {
  putStatus(health, { answers: source?.readyState === EventSource.OPEN, connected });
}

function listen() {
  clearTimeout(reopening);
  source?.close();
  source = new EventSource("events");
  heard = Date.now();
  source.addEventListener("board", (event) => {
    pause = 500;
    connected = true;
    heard = Date.now();
    const news = JSON.parse(event.data);
    builds.skew = news.now - heard / 1000;
    health = news;
    builds.putRepositories(news.repositories, news.whole);
    for (const build of news.builds) builds.put(build);
    for (const repository of news.repositories) builds.show(repository);
    status();
    panel.reach(!news.unreachable);
    putCounts(builds.counts());
    if (!panel.shown && location.hash.startsWith("#job-")) openFromAddress();
  });
  source.onerror = () => {
    status();
    // EventSource reconnects after a lost connection, but not after an error response.
    if (source.readyState === EventSource.CLOSED) again();
  };
}

function again() {
  clearTimeout(reopening);
  reopening = setTimeout(listen, pause * (0.5 + Math.random()));
  pause = Math.min(pause * 2, MAX_PAUSE);
}

document.addEventListener("visibilitychange", () => {
  // Browsers limit connections per host: a hidden page closes its own.
  if (document.hidden) {
    source?.close();
    panel.pause();
  } else {
    listen();
    panel.resume();
  }
});

setInterval(() => {
  builds.tick();
  status();
  if (!document.hidden && Date.now() - heard > GIVEN_UP) listen();
}, 1000);
listen();
