// The page: its stream of builds, which reconnects by itself, and the open log.

import { Builds, finished } from "./builds.js";
import { LogPanel } from "./log.js";
import { putCounts, putStatus } from "./status.js";

const GIVEN_UP = 30000;
const MAX_PAUSE = 10000;

const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 60rem)");
let merged = 0;
let health = null;
let heard = 0;
let source = null;
let pause = 500;
let reopening = 0;
let connected = false;

// Logs ------------------------------------------------------------------------------------------------------------

const builds = new Builds(open, (id, state) => panel.jobIs(id, state, finished(state)));
const panel = new LogPanel(() => {
  history.replaceState(null, "", location.pathname);
  $("builds").inert = false;
});

function open(id, opener) {
  const job = builds.jobs.get(id);
  if (job === undefined) return;
  history.replaceState(null, "", `#job-${id}`);
  for (const button of document.querySelectorAll(".job[aria-current]")) button.removeAttribute("aria-current");
  opener?.setAttribute("aria-current", "true");
  panel.open(job, opener, finished(job.state));
  $("builds").inert = narrow.matches;
}

narrow.addEventListener("change", () => ($("builds").inert = narrow.matches && panel.shown));

function openFromAddress() {
  const found = /^#job-(\d{1,15})$/.exec(location.hash);
  if (found !== null && !panel.shown) open(Number(found[1]), document.querySelector(`[data-job="${found[1]}"]`));
}

// The stream ------------------------------------------------------------------------------------------------------

function status() {
  putStatus(health, { answers: source?.readyState === EventSource.OPEN, connected, merged });
}

function listen() {
  clearTimeout(reopening);
  source?.close();
  source = new EventSource("events");
  heard = Date.now();
  source.addEventListener("hello", (event) => {
    pause = 500;
    merged = 0;
    connected = true;
    builds.putRepositories(JSON.parse(event.data).repositories);
  });
  source.addEventListener("board", (event) => {
    heard = Date.now();
    const news = JSON.parse(event.data);
    builds.skew = news.now - heard / 1000;
    merged += news.merged;
    health = news;
    for (const build of news.builds) builds.put(build);
    for (const [repository, ids] of Object.entries(news.shown)) builds.show(Number(repository), ids);
    status();
    putCounts(builds.counts());
    openFromAddress();
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
