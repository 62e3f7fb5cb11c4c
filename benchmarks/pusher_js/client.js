// Stock pusher-js, timed: `node client.js KEY PORT log CHANNEL` until the log's end (`late` notes how late each event is),
// `node client.js KEY PORT channels N` until N subscriptions are in force. Prints seconds from the first subscription on,
// and seconds of CPU.

"use strict";

const Pusher = require("pusher-js");

const [key, port, work, what] = process.argv.slice(2);
const pusher = new Pusher(key, {
  cluster: "", wsHost: "127.0.0.1", wsPort: Number(port), forceTLS: false, enabledTransports: ["ws"], enableStats: false,
});
const late = [];
let began, used;

function start() {
  began = performance.now();
  used = process.cpuUsage();
}

function stop(count) {
  const { user, system } = process.cpuUsage(used);
  const seconds = (performance.now() - began) / 1000;
  // Into a pipe it is written bit by bit: not all of it would have gone out at once.
  process.stdout.write(JSON.stringify({ seconds, cpu: (user + system) / 1e6, count, late }), () => process.exit(0));
}

pusher.connection.bind("connected", () => {
  start();
  let count = 0;
  if (work === "log" || work === "late") {
    pusher.subscribe(what).bind("job:log", (log) => {
      count += 1;
      if (work === "late") {
        late.push((performance.timeOrigin + performance.now()) / 1000 - Number(log._log.slice(0, 17)));
      }
      if (log.final) stop(count);
    });
  } else {
    for (let n = 0; n < Number(what); n += 1) {
      pusher.subscribe(`c-${n}`).bind("pusher:subscription_succeeded", () => {
        count += 1;
        if (count === Number(what)) stop(count);
      });
    }
  }
});
