import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../frontend/js/live/connection.js";
import { ManualClock } from "./manual-clock.js";
import { scriptedSockets } from "./scripted-socket.js";

function arrange({ random = () => 0.5 } = {}) {
  const clock = new ManualClock();
  const { ScriptedSocket, opened } = scriptedSockets();
  const connection = new Connection("ws://hub/api/v1/ws", { WebSocket: ScriptedSocket, clock, random });
  const states = [];
  const messages = [];
  connection.addEventListener("state", ({ detail }) => states.push(detail));
  connection.addEventListener("message", ({ detail }) => messages.push(detail));
  return { clock, opened, connection, states, messages, names: () => states.map(({ name }) => name) };
}

function live() {
  const scene = arrange();
  scene.connection.open();
  scene.opened[0].welcome();
  return scene;
}

test("it offers the subprotocol and is live once the hub has said welcome", () => {
  const { connection, opened, names } = arrange();
  connection.open();
  assert.deepEqual(names(), ["connecting"]);
  opened[0].welcome();

  assert.deepEqual(opened[0].protocols, ["tidewire.v1"]);
  assert.deepEqual(names(), ["connecting", "live"]);
});

test("a frame of several lines is several messages, in order", () => {
  const { opened, messages } = live();
  opened[0].sayText('{"type":"update","seq":1}\n{"type":"update","seq":2}\n\n{"type":"pong"}\n');

  assert.deepEqual(messages.map(({ type, seq }) => seq ?? type), ["welcome", 1, 2, "pong"]);
});

test("nothing can be sent before the welcome", () => {
  const { connection, opened } = arrange();
  connection.open();

  assert.equal(connection.send({ type: "ping" }), false);
  assert.deepEqual(opened[0].sent, []);
});

test("opening twice opens one socket", () => {
  const { connection, opened } = live();
  connection.open();

  assert.equal(opened.length, 1);
});

test("a hub that never says welcome is given up after 10 s", () => {
  const { clock, connection, opened, names } = arrange();
  connection.open();
  clock.pass(9_999);
  assert.deepEqual(names(), ["connecting"]);
  clock.pass(1);

  assert.deepEqual(names(), ["connecting", "waiting"]);
  assert.notEqual(opened[0].closedWith, null);
});

test("a lost link is opened again after a wait that grows, and says how long", () => {
  const { clock, opened, states } = live();
  opened[0].drop();
  assert.deepEqual(states.at(-1), { name: "waiting", seconds: 1 });
  const waits = [];
  for (let tries = 1; tries <= 4; tries++) {
    const from = clock.now();
    while (opened.length === tries) clock.pass(0.5);
    waits.push(clock.now() - from);
    opened[tries].drop();
  }

  assert.deepEqual(waits, [187.5, 375, 750, 1500]);
});

test("a hub that hangs up right after its welcome is asked ever less often", () => {
  const { clock, opened } = live();
  for (let second = 0; second < 60; second++) {
    opened.at(-1).welcome();
    opened.at(-1).drop();
    clock.pass(1_000);
  }

  assert.ok(opened.length < 12, `${opened.length} sockets in a minute`);
});

test("a link that held for five seconds starts the waits from the beginning", () => {
  const { clock, opened } = live();
  for (let round = 0; round < 5; round++) {
    clock.pass(5_000);
    opened.at(-1).drop();
    clock.pass(187.5);
    opened.at(-1).welcome();
  }

  assert.equal(opened.length, 6);
});

test("after a shutdown (1001) it comes back at a random moment within five seconds", () => {
  for (const [random, wait] of [[() => 0, 250], [() => 0.9, 4_525]]) {
    const { clock, connection, opened } = arrange({ random });
    connection.open();
    opened[0].welcome();
    opened[0].drop(1001);
    clock.pass(wait - 1);
    assert.equal(opened.length, 1);
    clock.pass(1);

    assert.equal(opened.length, 2);
  }
});

test("a dead session (4401) ends the tries, in words", () => {
  const { clock, opened, states } = live();
  opened[0].drop(4401);
  clock.pass(3_600_000);

  assert.equal(opened.length, 1);
  assert.equal(states.at(-1).name, "refused");
  assert.match(states.at(-1).message, /access has ended/);
});

test("a silent link is pinged after 20 s and given up when nothing answers for 10 s", () => {
  const { clock, opened, names } = live();
  clock.pass(20_000);
  assert.deepEqual(opened[0].sent, [{ type: "ping" }]);
  clock.pass(10_000);

  assert.deepEqual(names(), ["connecting", "live", "waiting"]);
  assert.notEqual(opened[0].closedWith, null);
});

test("anything that is heard counts as life", () => {
  const { clock, opened, names } = live();
  for (let round = 0; round < 20; round++) {
    clock.pass(15_000);
    opened[0].say({ type: "pong" });
  }

  assert.deepEqual(opened[0].sent, []);
  assert.deepEqual(names(), ["connecting", "live"]);
});

test("a link that was given up is not heard any more", () => {
  const { clock, opened, messages, names } = live();
  clock.pass(30_000);
  opened[0].say({ type: "update", seq: 1 });
  opened[0].drop();
  clock.pass(187.5);

  assert.deepEqual(messages.map(({ type }) => type), ["welcome"]);
  assert.deepEqual(names(), ["connecting", "live", "waiting", "connecting"]);
});

test("a line that can't be read ends the link: what it held is asked for again", () => {
  const { opened, messages, names } = live();
  opened[0].sayText('{"type":"update","seq":1}\n{"type":"upd\n{"type":"update","seq":3}');

  assert.deepEqual(messages.map(({ seq }) => seq), [undefined, 1]);
  assert.equal(names().at(-1), "waiting");
});

test("no network is told at once, and its return connects at once", () => {
  const { connection, opened, names } = live();
  connection.offline();
  assert.equal(names().at(-1), "offline");
  connection.wake();

  assert.equal(opened.length, 2);
  assert.equal(names().at(-1), "connecting");
});

test("a browser that is wrong about the network still finds the hub within 30 s", () => {
  const { clock, connection, opened } = live();
  connection.offline();
  clock.pass(30_000);

  assert.equal(opened.length, 2);
});

test("waking cuts a long wait short, and opens one socket only", () => {
  const { clock, connection, opened } = live();
  for (let round = 0; round < 8; round++) {
    opened.at(-1).drop();
    connection.wake();
  }
  const count = opened.length;
  opened.at(-1).welcome();
  clock.pass(19_000);

  assert.equal(count, 9);
  assert.equal(opened.length, 9);
});

test("waking a live link makes sure that it lives", () => {
  const { clock, connection, opened, names } = live();
  connection.wake();
  assert.deepEqual(opened[0].sent, [{ type: "ping" }]);
  clock.pass(10_000);

  assert.equal(names().at(-1), "waiting");
});

test("closed is closed: no socket, no timer, no waking", () => {
  const { clock, connection, opened } = live();
  connection.close();
  connection.wake();
  connection.offline();

  assert.equal(opened[0].closedWith, 1000);
  assert.equal(clock.waiting, 0);
  assert.equal(opened.length, 1);
});
