import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../frontend/js/live/connection.js";
import { Subscription } from "../../frontend/js/live/subscription.js";
import { ManualClock } from "./manual-clock.js";
import { scriptedSockets } from "./scripted-socket.js";
import { seeded } from "./seeded.js";

const update = (seq, epoch = "e1", channel = "ci") => ({ type: "update", channel, epoch, seq, body: `${seq}` });

function arrange(position = { epoch: "e1", seq: 0 }, random = () => 0.5) {
  const clock = new ManualClock();
  const { ScriptedSocket, opened } = scriptedSockets();
  const connection = new Connection("ws://hub/api/v1/ws", { WebSocket: ScriptedSocket, clock, random });
  const subscription = new Subscription(connection, "ci", position, { clock, random });
  const seen = [];
  const emitted = [];
  subscription.addEventListener("update", ({ detail }) => seen.push(detail.seq));
  for (const name of ["reset", "presence", "ended"]) {
    subscription.addEventListener(name, ({ detail }) => emitted.push([name, detail]));
  }
  connection.open();
  return { clock, connection, subscription, opened, seen, emitted, hub: () => opened.at(-1) };
}

const requests = (socket, type = "subscribe") => socket.sent.filter((message) => message.type === type);

function confirm(socket, seq = 0, more = {}) {
  const { ref } = requests(socket).at(-1);
  socket.deliver({ type: "subscribed", ref, channel: "ci", epoch: "e1", seq, resumed: true, ...more });
}

function following(position) {
  const context = arrange(position);
  context.hub().welcome();
  confirm(context.hub());
  return context;
}

test("a subscription begins after its position, and requests presence", () => {
  const { hub } = following({ epoch: "k3v9", seq: 41 });

  assert.deepEqual(requests(hub()), [{ type: "subscribe", ref: 1, channel: "ci", after: 41, epoch: "k3v9" }]);
  assert.deepEqual(requests(hub(), "presence"), [{ type: "presence", channel: "ci", on: true }]);
});

test("without a position a subscription begins now, and resumes from the confirmed seq", () => {
  const { clock, hub } = arrange({ epoch: null, seq: null });
  hub().welcome();
  assert.deepEqual(requests(hub()), [{ type: "subscribe", ref: 1, channel: "ci" }]);
  confirm(hub(), 58);
  hub().drop();
  clock.advance(1_000);
  hub().welcome();

  assert.deepEqual(requests(hub()), [{ type: "subscribe", ref: 2, channel: "ci", after: 58, epoch: "e1" }]);
});

test("every update is emitted once, in order, and other channels' are not", () => {
  const { hub, seen } = following();
  hub().deliver(update(1), update(2), update(1, "e1", "lobby"), update(2), update(3));

  assert.deepEqual(seen, [1, 2, 3]);
});

test("after a lost connection a subscription resumes from its position", () => {
  const { clock, hub, seen } = following();
  hub().deliver(update(1), update(2));
  hub().drop();
  clock.advance(1_000);
  hub().welcome();
  assert.equal(requests(hub()).at(-1).after, 2);
  confirm(hub(), 4);
  hub().deliver(update(2), update(3), update(4));

  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test("updates before the answer to its subscribe are ignored", () => {
  const { hub, seen } = arrange();
  hub().welcome();
  hub().deliver(update(1));
  confirm(hub(), 1);
  hub().deliver(update(1));

  assert.deepEqual(seen, [1]);
});

test("a gap subscribes again from the position on the same connection", () => {
  const { hub, seen, opened } = following();
  hub().deliver(update(1), update(3), update(4));
  assert.deepEqual(requests(hub()).at(-1), { type: "subscribe", ref: 2, channel: "ci", after: 1, epoch: "e1" });
  hub().deliver({ type: "unsubscribed", channel: "ci", reason: "asked" });
  confirm(hub(), 4);
  hub().deliver(update(2), update(3), update(4));

  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.equal(opened.length, 1);
});

test("a second gap without an update in between restarts the connection instead of looping", () => {
  const { connection, hub } = following();
  hub().deliver(update(3));
  confirm(hub(), 4);
  hub().deliver(update(4));

  assert.equal(connection.state.name, "waiting");
});

test("a gap long after another one is again resolved on the same connection", () => {
  const { hub, seen, opened } = following();
  for (const first of [1, 4, 7]) {
    hub().deliver(update(first), update(first + 2));
    confirm(hub(), first + 2);
    hub().deliver(update(first + 1), update(first + 2));
  }

  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(opened.length, 1);
});

test("a late answer to an older subscribe is ignored", () => {
  const { hub, seen } = following();
  hub().deliver(update(1), update(3));
  hub().deliver({ type: "subscribed", ref: 1, channel: "ci", epoch: "e1", seq: 3, resumed: true }, update(2));
  confirm(hub(), 3);
  hub().deliver(update(2), update(3));

  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(requests(hub(), "presence").length, 2);
});

test("a reset moves the position and is emitted before the updates after it", () => {
  const { hub, seen, emitted, subscription } = arrange({ epoch: "e1", seq: 4 });
  hub().welcome();
  confirm(hub(), 20, { resumed: false });
  hub().deliver({ type: "reset", channel: "ci", reason: "expired", epoch: "e1", first: 19, last: 20 });
  hub().deliver(update(19), update(20));

  assert.deepEqual(emitted.map(([name, { reason }]) => [name, reason]), [["reset", "expired"]]);
  assert.deepEqual(seen, [19, 20]);
  assert.deepEqual(subscription.position, { epoch: "e1", seq: 20 });
});

test("a new log is followed from its first update", () => {
  const { hub, seen } = arrange({ epoch: "e1", seq: 90 });
  hub().welcome();
  confirm(hub(), 2, { epoch: "e2", resumed: false });
  hub().deliver({ type: "reset", channel: "ci", reason: "epoch", epoch: "e2", first: 1, last: 2 });
  hub().deliver(update(1, "e2"), update(2, "e2"));

  assert.deepEqual(seen, [1, 2]);
});

test("a refusal ends the subscription with the hub's message, and no request follows", () => {
  const { clock, hub, emitted, opened } = arrange();
  hub().welcome();
  hub().deliver({ type: "error", ref: 1, code: "forbidden", message: "You may not read this.", field: null });
  hub().drop();
  clock.advance(1_000);
  hub().welcome();

  assert.deepEqual(emitted, [["ended", { message: "You may not read this." }]]);
  assert.deepEqual(opened.map((socket) => requests(socket).length), [1, 0]);
});

test("a temporary error is retried after a delay", () => {
  const { clock, hub } = arrange();
  hub().welcome();
  hub().deliver({ type: "error", ref: 1, code: "unavailable", message: "The database is away.", field: null });
  assert.equal(requests(hub()).length, 1);
  clock.advance(250);

  assert.equal(requests(hub()).length, 2);
});

test("a subscribe that is never answered restarts the connection after 15 s", () => {
  const { clock, connection, hub } = arrange();
  hub().welcome();
  for (let second = 0; second < 15; second++) {
    clock.advance(1_000);
    if (second < 14) hub().deliver({ type: "pong" });
  }

  assert.equal(connection.state.name, "waiting");
});

test("a revoked permission or a deleted channel ends the subscription with a message", () => {
  for (const [reason, words] of [["revoked", /no longer read/], ["deleted", /deleted/]]) {
    const { hub, emitted } = following();
    hub().deliver({ type: "unsubscribed", channel: "ci", reason });

    assert.equal(emitted[0][0], "ended");
    assert.match(emitted[0][1].message, words);
  }
});

test("presence is emitted", () => {
  const { hub, emitted } = following();
  hub().deliver({ type: "presence", channel: "ci", watching: 12 });

  assert.deepEqual(emitted, [["presence", { watching: 12, users: [] }]]);
});

test("every seq is emitted once and in order, whatever is lost, repeated or cut", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const { clock, hub, seen } = arrange({ epoch: "e1", seq: 0 }, random);
    const last = 30;
    for (let steps = 0; seen.length < last && steps < 5_000; steps++) faultyStep(hub(), last, random, clock);

    assert.deepEqual(seen, Array.from({ length: last }, (_, index) => index + 1), `seed ${seed}`);
  }
});

// One step of a hub that serves the newest subscribe correctly, over a connection with every kind of fault.
function faultyStep(socket, last, random, clock) {
  if (socket.sent.length === 0) socket.welcome();
  const subscribe = requests(socket).at(-1);
  if (subscribe) {
    if (socket.served !== subscribe.ref) {
      socket.served = subscribe.ref;
      socket.next = subscribe.after + 1;
      confirm(socket, last);
    }
    const chance = random();
    if (chance < 0.1) socket.next++;
    else if (chance < 0.2) socket.deliver(update(Math.max(1, socket.next - 1)));
    else if (chance < 0.25) socket.drop();
    else if (chance < 0.27) socket.drop(1001);
    else if (chance < 0.29) socket.deliverText('{"type":');
    else if (socket.next <= last) socket.deliver(update(socket.next++));
    else socket.drop();
  }
  clock.advance(random() < 0.2 ? 31_000 : 100);
}
