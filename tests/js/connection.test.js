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
  const context = arrange();
  context.connection.open();
  context.opened[0].welcome();
  return context;
}

test("it offers the subprotocol and is live once it received the welcome", () => {
  const { connection, opened, names } = arrange();
  connection.open();
  assert.deepEqual(names(), ["connecting"]);
  opened[0].welcome();

  assert.deepEqual(opened[0].protocols, ["tidewire.v1"]);
  assert.deepEqual(names(), ["connecting", "live"]);
});

test("a frame of several lines is several messages, in order", () => {
  const { opened, messages } = live();
  opened[0].deliverText('{"type":"update","seq":1}\n{"type":"update","seq":2}\n\n{"type":"pong"}\n');

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

test("a hub that never sends a welcome is abandoned after 10 s", () => {
  const { clock, connection, opened, names } = arrange();
  connection.open();
  clock.advance(9_999);
  assert.deepEqual(names(), ["connecting"]);
  clock.advance(1);

  assert.deepEqual(names(), ["connecting", "waiting"]);
  assert.notEqual(opened[0].closedWith, null);
});

test("a lost connection is opened again after a growing delay, which the state names", () => {
  const { clock, opened, states } = live();
  opened[0].drop();
  assert.deepEqual(states.at(-1), { name: "waiting", seconds: 1 });
  const waits = [];
  for (let tries = 1; tries <= 4; tries++) {
    const from = clock.now();
    while (opened.length === tries) clock.advance(0.5);
    waits.push(clock.now() - from);
    opened[tries].drop();
  }

  assert.deepEqual(waits, [187.5, 375, 750, 1500]);
});

test("a hub that closes right after its welcome gets fewer and fewer connections", () => {
  const { clock, opened } = live();
  for (let second = 0; second < 60; second++) {
    opened.at(-1).welcome();
    opened.at(-1).drop();
    clock.advance(1_000);
  }

  assert.ok(opened.length < 12, `${opened.length} sockets in a minute`);
});

test("a connection that lasted five seconds resets the delays", () => {
  const { clock, opened } = live();
  for (let round = 0; round < 5; round++) {
    clock.advance(5_000);
    opened.at(-1).drop();
    clock.advance(187.5);
    opened.at(-1).welcome();
  }

  assert.equal(opened.length, 6);
});

test("after a shutdown (1001) it reconnects at a random time within five seconds", () => {
  for (const [random, wait] of [[() => 0, 250], [() => 0.9, 4_525]]) {
    const { clock, connection, opened } = arrange({ random });
    connection.open();
    opened[0].welcome();
    opened[0].drop(1001);
    clock.advance(wait - 1);
    assert.equal(opened.length, 1);
    clock.advance(1);

    assert.equal(opened.length, 2);
  }
});

test("an invalid credential (4401) ends the reconnects, with a message", () => {
  const { clock, opened, states } = live();
  opened[0].drop(4401);
  clock.advance(3_600_000);

  assert.equal(opened.length, 1);
  assert.equal(states.at(-1).name, "refused");
  assert.match(states.at(-1).message, /session has ended/);
});

test("a silent connection is pinged after 20 s and abandoned without an answer for 10 s", () => {
  const { clock, opened, names } = live();
  clock.advance(20_000);
  assert.deepEqual(opened[0].sent, [{ type: "ping" }]);
  clock.advance(10_000);

  assert.deepEqual(names(), ["connecting", "live", "waiting"]);
  assert.notEqual(opened[0].closedWith, null);
});

test("any received message postpones the ping", () => {
  const { clock, opened, names } = live();
  for (let round = 0; round < 20; round++) {
    clock.advance(15_000);
    opened[0].deliver({ type: "pong" });
  }

  assert.deepEqual(opened[0].sent, []);
  assert.deepEqual(names(), ["connecting", "live"]);
});

test("an abandoned socket's events are ignored", () => {
  const { clock, opened, messages, names } = live();
  clock.advance(30_000);
  opened[0].deliver({ type: "update", seq: 1 });
  opened[0].drop();
  clock.advance(187.5);

  assert.deepEqual(messages.map(({ type }) => type), ["welcome"]);
  assert.deepEqual(names(), ["connecting", "live", "waiting", "connecting"]);
});

test("a line that can't be parsed restarts the connection", () => {
  const { opened, messages, names } = live();
  opened[0].deliverText('{"type":"update","seq":1}\n{"type":"upd\n{"type":"update","seq":3}');

  assert.deepEqual(messages.map(({ seq }) => seq), [undefined, 1]);
  assert.equal(names().at(-1), "waiting");
});

test("a lost network is reported at once, and its return connects at once", () => {
  const { connection, opened, names } = live();
  connection.offline();
  assert.equal(names().at(-1), "offline");
  connection.wake();

  assert.equal(opened.length, 2);
  assert.equal(names().at(-1), "connecting");
});

test("an offline connection tries again after 30 s", () => {
  const { clock, connection, opened } = live();
  connection.offline();
  clock.advance(30_000);

  assert.equal(opened.length, 2);
});

test("waking ends a long delay, and opens one socket only", () => {
  const { clock, connection, opened } = live();
  for (let round = 0; round < 8; round++) {
    opened.at(-1).drop();
    connection.wake();
  }
  const count = opened.length;
  opened.at(-1).welcome();
  clock.advance(19_000);

  assert.equal(count, 9);
  assert.equal(opened.length, 9);
});

test("waking a live connection pings it", () => {
  const { clock, connection, opened, names } = live();
  connection.wake();
  assert.deepEqual(opened[0].sent, [{ type: "ping" }]);
  clock.advance(10_000);

  assert.equal(names().at(-1), "waiting");
});

test("a closed connection has no socket and no timer, and does not wake", () => {
  const { clock, connection, opened } = live();
  connection.close();
  connection.wake();
  connection.offline();

  assert.equal(opened[0].closedWith, 1000);
  assert.equal(clock.waiting, 0);
  assert.equal(opened.length, 1);
});
