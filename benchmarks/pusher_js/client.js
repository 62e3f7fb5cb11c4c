// Stock pusher-js, timed: `node client.js KEY PORT log CHANNEL` until the log's end, `node client.js KEY PORT channels N`
// until N subscriptions are in force. Prints seconds from the first subscription on, and seconds of CPU.

"use strict";

const Pusher = require("pusher-js");

const [key, port, work, what] = process.argv.slice(2);
const pusher = new Pusher(key, {
  cluster: "", wsHost: "127.0.0.1", wsPort: Number(port), forceTLS: false, enabledTransports: ["ws"], enableStats: false,
});
let began, used;

function start() {
  began = performance.now();
  used = process.cpuUsage();
}

function stop(count) {
  const { user, system } = process.cpuUsage(used);
  console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6, count }));
  process.exit(0);
}

pusher.connection.bind("connected", () => {
  start();
  let count = 0;
  if (work === "log") {
    pusher.subscribe(what).bind("job:log", (log) => {
      count += 1;
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
