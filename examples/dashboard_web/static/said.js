// What the page says of itself: the corner, the counts, and what is read out or shown for a while.

const SHOWN = 8000;
const TOGETHER = 1500;
const MOST_TOGETHER = 3;

const $ = (id) => document.getElementById(id);
const waiting = [];
let speaking = 0;
let hiding = 0;

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Say something to whoever listens; show it, too, where it is about what somebody has just done.
export function say(text, seen) {
  const said = $("said");
  said.className = seen ? "toast" : "unseen";
  setText(said, text);
  clearTimeout(hiding);
  if (seen) hiding = setTimeout(() => (said.className = "unseen"), SHOWN);
}

// Say it with what else happens about now: a wall of builds would talk without end.
export function announce(text) {
  waiting.push(text);
  speaking ||= setTimeout(() => {
    speaking = 0;
    const more = waiting.length - MOST_TOGETHER;
    const several = waiting.splice(0).slice(-MOST_TOGETHER).join(" ");
    say(more > 0 ? `${several} And ${more} more.` : several, false);
  }, TOGETHER);
}

export function putStatus(health, { answers, told, merged }) {
  let state = "behind";
  let text = "Connecting …";
  if (!told || !answers) {
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
  $("status").dataset.health = state;
  setText($("status"), text);
}

export function putCounts({ running, waiting: waits, broken, repositories }) {
  setText($("counts"), `${running} running · ${waits} waiting · ${broken} of ${repositories} broken`);
  document.title = broken ? `(${broken}) Builds` : "Builds";
}
