// Stock pusher-js, controlled by commands on stdin; reports on stdout. One JSON object per line.
//
// Commands (the key is "do"):
//   reset        disconnect and forget the client; nothing of it is reported after "reset"
//   connect      key, options (pusher-js's own), authorize: how private channels get their signature:
//                {url, token} requests them from Travis's POST /pusher/auth, {secret} signs as Pusher documents it,
//                {signature} sends that one, {} sends none
//   subscribe, unsubscribe   channel
//   send         event, data: sent as it is
//   reconnect, disconnect
//
// Reports (the key is "report"):
//   state        previous, current, socket_id
//   message      event, channel, data: every message that could be decoded
//   event        event, channel, data: every event of a subscribed channel
//   error        error
//   reset        after the command
//
// It exits when stdin ends.

"use strict";

const { createHmac } = require("node:crypto");
const { createInterface } = require("node:readline");
// Required instead of imported: an import scans the whole bundle for its exports first, which takes long.
const Pusher = require("pusher-js");

// pusher-js waits a second before it reconnects. No test is about that second.
const RETRY_DELAY = 1000;
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, delay, ...rest) => setTimeout(callback, delay === RETRY_DELAY ? 10 : delay, ...rest);

let pusher = null;

function tell(report, fields) {
  const plain = (_, value) => (value instanceof Error ? { name: value.name, message: value.message } : value);
  process.stdout.write(JSON.stringify({ report, ...fields }, plain) + "\n");
}

// fact 7.7: Travis does not understand the request of pusher-js's own authoriser.
async function signature({ url, token }, socketId, channel) {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      Accept: "application/vnd.travis-ci.2+json",
      Authorization: `token ${token}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ socket_id: socketId, channels: [channel] }),
  });
  const { channels } = await answer.json();
  if (!(channel in channels)) {
    throw new Error(`${channel} was not signed`);
  }
  return channels[channel];
}

function authoriser(key, authorize) {
  return ({ socketId, channelName }, callback) => {
    if (authorize.secret !== undefined) {
      const hash = createHmac("sha256", authorize.secret).update(`${socketId}:${channelName}`);
      callback(null, { auth: `${key}:${hash.digest("hex")}` });
    } else if (authorize.url === undefined) {
      callback(null, { auth: authorize.signature });
    } else {
      signature(authorize, socketId, channelName).then(
        (auth) => callback(null, { auth }),
        (error) => callback(error, null),
      );
    }
  };
}

function reporter(client) {
  return (report, fields) => {
    if (pusher === client) {
      tell(report, fields);
    }
  };
}

const commands = {
  connect({ key, options, authorize }) {
    pusher = new Pusher(key, { ...options, channelAuthorization: { customHandler: authoriser(key, authorize) } });
    const { connection } = pusher;
    const report = reporter(pusher);
    connection.bind("state_change", (change) => report("state", { ...change, socket_id: connection.socket_id }));
    connection.bind("message", ({ event, channel, data }) => report("message", { event, channel, data }));
    connection.bind("error", (error) => report("error", { error }));
  },
  subscribe({ channel }) {
    const known = pusher.channel(channel) !== undefined;
    const subscription = pusher.subscribe(channel);
    if (!known) {
      const report = reporter(pusher);
      subscription.bind_global((event, data) => report("event", { event, channel, data }));
    }
  },
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  send: ({ event, data }) => pusher.send_event(event, data),
  reconnect: () => pusher.connect(),
  disconnect: () => pusher.disconnect(),
  reset() {
    const client = pusher;
    pusher = null;
    client?.disconnect();
    tell("reset", {});
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
