// The status in the corner, the counts, and announcements: read out, or shown for a while.

// Milliseconds that an announcement is shown, and during which announcements are joined; how many are read out at once.
const SHOWN = 8000;
const JOINED = 1500;
const MAX_JOINED = 3;

const $ = (id) => document.getElementById(id);
const waiting = [];
let timer = 0;
let hiding = 0;

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Announce a text to screen readers; show it too if it answers what the user has just done.
export function notify(text, visible) {
  const element = $("announcement");
  element.className = visible ? "toast" : "unseen";
  setText(element, text);
  clearTimeout(hiding);
  if (visible) hiding = setTimeout(() => (element.className = "unseen"), SHOWN);
}

// Announce a text together with others of about the same time: a wall of builds would never be silent.
export function announce(text) {
  waiting.push(text);
  timer ||= setTimeout(() => {
    timer = 0;
    const more = waiting.length - MAX_JOINED;
    const several = waiting.splice(0).slice(-MAX_JOINED).join(" ");
    notify(more > 0 ? `${several} And ${more} more.` : several, false);
  }, JOINED);
}

export function putStatus(health, { answers, connected }) {
  let state = "behind";
  let text = "Connecting …";
  if (!connected || !answers) {
    text = connected ? "The dashboard does not answer. Trying again …" : text;
  } else if (health !== null) {
    const more = [];
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
  $("status").dataset.health = state;
  setText($("status"), text);
}

export function putCounts({ running, waiting: waits, broken, repositories }) {
  setText($("counts"), `${running} running · ${waits} waiting · ${broken} of ${repositories} broken`);
  const counts = [broken && `${broken} broken`, running && `${running} running`].filter(Boolean);
  document.title = counts.length ? `${counts.join(", ")} · Builds` : "Builds";
}
