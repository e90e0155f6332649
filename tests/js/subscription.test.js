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
  const told = [];
  subscription.addEventListener("update", ({ detail }) => seen.push(detail.seq));
  for (const name of ["reset", "presence", "ended"]) {
    subscription.addEventListener(name, ({ detail }) => told.push([name, detail]));
  }
  connection.open();
  return { clock, connection, subscription, opened, seen, told, hub: () => opened.at(-1) };
}

const asked = (socket, type = "subscribe") => socket.sent.filter((message) => message.type === type);

function confirm(socket, seq = 0, more = {}) {
  const { ref } = asked(socket).at(-1);
  socket.say({ type: "subscribed", ref, channel: "ci", epoch: "e1", seq, resumed: true, ...more });
}

function following(position) {
  const scene = arrange(position);
  scene.hub().welcome();
  confirm(scene.hub());
  return scene;
}

test("it asks for what comes after its position, and who is watching", () => {
  const { hub } = following({ epoch: "k3v9", seq: 41 });

  assert.deepEqual(asked(hub()), [{ type: "subscribe", ref: 1, channel: "ci", after: 41, epoch: "k3v9" }]);
  assert.deepEqual(asked(hub(), "presence"), [{ type: "presence", channel: "ci", on: true }]);
});

test("without a position it follows from now, and resumes from the seq it was told", () => {
  const { clock, hub } = arrange({ epoch: null, seq: null });
  hub().welcome();
  assert.deepEqual(asked(hub()), [{ type: "subscribe", ref: 1, channel: "ci" }]);
  confirm(hub(), 58);
  hub().drop();
  clock.pass(1_000);
  hub().welcome();

  assert.deepEqual(asked(hub()), [{ type: "subscribe", ref: 2, channel: "ci", after: 58, epoch: "e1" }]);
});

test("every update is told once, in order, and other channels are not", () => {
  const { hub, seen } = following();
  hub().say(update(1), update(2), update(1, "e1", "lobby"), update(2), update(3));

  assert.deepEqual(seen, [1, 2, 3]);
});

test("after a lost link it resumes from what it has seen", () => {
  const { clock, hub, seen } = following();
  hub().say(update(1), update(2));
  hub().drop();
  clock.pass(1_000);
  hub().welcome();
  assert.equal(asked(hub()).at(-1).after, 2);
  confirm(hub(), 4);
  hub().say(update(2), update(3), update(4));

  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test("updates before the answer to its question belong to another run and are not heard", () => {
  const { hub, seen } = arrange();
  hub().welcome();
  hub().say(update(1));
  confirm(hub(), 1);
  hub().say(update(1));

  assert.deepEqual(seen, [1]);
});

test("a gap asks again from the position on the same link", () => {
  const { hub, seen, opened } = following();
  hub().say(update(1), update(3), update(4));
  assert.deepEqual(asked(hub()).at(-1), { type: "subscribe", ref: 2, channel: "ci", after: 1, epoch: "e1" });
  hub().say({ type: "unsubscribed", channel: "ci", reason: "asked" });
  confirm(hub(), 4);
  hub().say(update(2), update(3), update(4));

  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.equal(opened.length, 1);
});

test("a second gap with nothing between gives up the link instead of asking for ever", () => {
  const { connection, hub } = following();
  hub().say(update(3));
  confirm(hub(), 4);
  hub().say(update(4));

  assert.equal(connection.state.name, "waiting");
});

test("a gap long after another one is again mended on the same link", () => {
  const { hub, seen, opened } = following();
  for (const first of [1, 4, 7]) {
    hub().say(update(first), update(first + 2));
    confirm(hub(), first + 2);
    hub().say(update(first + 1), update(first + 2));
  }

  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(opened.length, 1);
});

test("the late answer to an older question begins nothing", () => {
  const { hub, seen } = following();
  hub().say(update(1), update(3));
  hub().say({ type: "subscribed", ref: 1, channel: "ci", epoch: "e1", seq: 3, resumed: true }, update(2));
  confirm(hub(), 3);
  hub().say(update(2), update(3));

  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(asked(hub(), "presence").length, 2);
});

test("a reset moves the position and is told before what follows it", () => {
  const { hub, seen, told, subscription } = arrange({ epoch: "e1", seq: 4 });
  hub().welcome();
  confirm(hub(), 20, { resumed: false });
  hub().say({ type: "reset", channel: "ci", reason: "expired", epoch: "e1", first: 19, last: 20 });
  hub().say(update(19), update(20));

  assert.deepEqual(told.map(([name, { reason }]) => [name, reason]), [["reset", "expired"]]);
  assert.deepEqual(seen, [19, 20]);
  assert.deepEqual(subscription.position, { epoch: "e1", seq: 20 });
});

test("a new log is followed from its first update", () => {
  const { hub, seen } = arrange({ epoch: "e1", seq: 90 });
  hub().welcome();
  confirm(hub(), 2, { epoch: "e2", resumed: false });
  hub().say({ type: "reset", channel: "ci", reason: "epoch", epoch: "e2", first: 1, last: 2 });
  hub().say(update(1, "e2"), update(2, "e2"));

  assert.deepEqual(seen, [1, 2]);
});

test("a refusal ends it with the hub's words, and nothing more is asked", () => {
  const { clock, hub, told, opened } = arrange();
  hub().welcome();
  hub().say({ type: "error", ref: 1, code: "forbidden", message: "You may not read this.", field: null });
  hub().drop();
  clock.pass(1_000);
  hub().welcome();

  assert.deepEqual(told, [["ended", { message: "You may not read this." }]]);
  assert.deepEqual(opened.map((socket) => asked(socket).length), [1, 0]);
});

test("a passing trouble is asked again after a wait", () => {
  const { clock, hub } = arrange();
  hub().welcome();
  hub().say({ type: "error", ref: 1, code: "unavailable", message: "The database is away.", field: null });
  assert.equal(asked(hub()).length, 1);
  clock.pass(250);

  assert.equal(asked(hub()).length, 2);
});

test("a question that is never answered gives up the link after 15 s", () => {
  const { clock, connection, hub } = arrange();
  hub().welcome();
  for (let second = 0; second < 15; second++) {
    clock.pass(1_000);
    if (second < 14) hub().say({ type: "pong" });
  }

  assert.equal(connection.state.name, "waiting");
});

test("a permission that goes ends it in words", () => {
  for (const [reason, words] of [["revoked", /no longer read/], ["deleted", /deleted/]]) {
    const { hub, told } = following();
    hub().say({ type: "unsubscribed", channel: "ci", reason });

    assert.equal(told[0][0], "ended");
    assert.match(told[0][1].message, words);
  }
});

test("presence is passed on", () => {
  const { hub, told } = following();
  hub().say({ type: "presence", channel: "ci", watching: 12 });

  assert.deepEqual(told, [["presence", { watching: 12, users: [] }]]);
});

test("whatever a link loses, doubles or cuts, every seq is told once and in order", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const { clock, hub, seen } = arrange({ epoch: "e1", seq: 0 }, random);
    const last = 30;
    for (let steps = 0; seen.length < last && steps < 5_000; steps++) faultyStep(hub(), last, random, clock);

    assert.deepEqual(seen, Array.from({ length: last }, (_, index) => index + 1), `seed ${seed}`);
  }
});

// One turn of a hub that serves the newest question truly but over a link that fails in every way.
function faultyStep(socket, last, random, clock) {
  if (socket.sent.length === 0) socket.welcome();
  const question = asked(socket).at(-1);
  if (question) {
    if (socket.served !== question.ref) {
      socket.served = question.ref;
      socket.next = question.after + 1;
      confirm(socket, last);
    }
    const fate = random();
    if (fate < 0.1) socket.next++;
    else if (fate < 0.2) socket.say(update(Math.max(1, socket.next - 1)));
    else if (fate < 0.25) socket.drop();
    else if (fate < 0.27) socket.drop(1001);
    else if (fate < 0.29) socket.sayText('{"type":');
    else if (socket.next <= last) socket.say(update(socket.next++));
    else socket.drop();
  }
  clock.pass(random() < 0.2 ? 31_000 : 100);
}
