// Stock pusher-js that is told what to do on stdin and tells what it hears on stdout, one JSON object a line.
//
// Commands (the key is "do"):
//   connect      key, options (pusher-js's own), authorize: how private channels get their signature:
//                {url, token} asks Travis's POST /pusher/auth, {secret} signs here as Pusher documents it,
//                {signature} gives that one, {} gives none
//   subscribe, unsubscribe   channel
//   send         event, data: as it is, past the registry of channels
//   reconnect, disconnect
//
// What it tells (the key is "heard"):
//   state        previous, current, socket_id
//   message      event, channel, data: whatever came on the socket and could be decoded
//   event        event, channel, data: what a subscribed channel passed on
//   error        error
//
// The end of stdin ends it.

"use strict";

const { createHmac } = require("node:crypto");
const { createInterface } = require("node:readline");
// Required, not imported: an import scans the whole bundle for its exports first, and that takes longer than all else.
const Pusher = require("pusher-js");

let pusher = null;

function tell(heard, fields) {
  const plain = (_, value) => (value instanceof Error ? { name: value.name, message: value.message } : value);
  process.stdout.write(JSON.stringify({ heard, ...fields }, plain) + "\n");
}

// Travis has a format of its own, which pusher-js's built-in authoriser does not speak.
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

const commands = {
  connect({ key, options, authorize }) {
    pusher = new Pusher(key, { ...options, channelAuthorization: { customHandler: authoriser(key, authorize) } });
    const { connection } = pusher;
    connection.bind("state_change", (change) => tell("state", { ...change, socket_id: connection.socket_id }));
    connection.bind("message", ({ event, channel, data }) => tell("message", { event, channel, data }));
    connection.bind("error", (error) => tell("error", { error }));
  },
  subscribe({ channel }) {
    const known = pusher.channel(channel) !== undefined;
    const subscription = pusher.subscribe(channel);
    if (!known) {
      subscription.bind_global((event, data) => tell("event", { event, channel, data }));
    }
  },
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  send: ({ event, data }) => pusher.send_event(event, data),
  reconnect: () => pusher.connect(),
  disconnect: () => pusher.disconnect(),
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
