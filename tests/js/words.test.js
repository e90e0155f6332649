import assert from "node:assert/strict";
import { test } from "node:test";

import { countText, resetText, stateText, watchingText } from "../../frontend/js/elements/feed-words.js";
import { socketUrl } from "../../frontend/js/live/network.js";
import { numberText, percentText } from "../../frontend/js/numbers.js";
import { ago, utcText } from "../../frontend/js/time.js";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const before = (seconds) => ago(new Date(NOON - seconds * 1000), NOON);

test("an age is given in the largest unit that fits", () => {
  const spans = [0, 9, 10, 59, 60, 3_599, 3_600, 86_399];
  const expected = ["just now", "just now", "10 s ago", "59 s ago", "1 min ago", "59 min ago", "1 h ago", "23 h ago"];

  assert.deepEqual(spans.map(before), expected);
});

test("an age of a day or more, and a time in the future, need a date", () => {
  assert.deepEqual([before(86_400), before(-61)], [null, null]);
  assert.equal(before(-30), "just now"); // Clocks differ slightly.
});

test("a time in UTC reads as the server renders it", () => {
  assert.equal(utcText(new Date("2026-11-21T09:30:59.999Z")), "2026-11-21 09:30 UTC");
});

test("numbers are grouped and keep every digit", () => {
  const numbers = [0, 42.1, 1234567.25, -1234, 999, 1e21, 0.0001234];
  const expected = ["0", "42.1", "1,234,567.25", "-1,234", "999", "1e+21", "0.0001234"];

  assert.deepEqual(numbers.map(numberText), expected);
});

test("a progress below one is never 100 %", () => {
  assert.deepEqual([0, 0.29, 0.7, 0.999, 1].map(percentText), ["0 %", "29 %", "70 %", "99 %", "100 %"]);
});

test("every state of a connection has its text", () => {
  assert.equal(stateText({ name: "live" }), "Live");
  assert.equal(stateText({ name: "waiting", seconds: 4 }), "Connection lost. Reconnecting in 4 s");
  assert.equal(stateText({ name: "refused", message: "This channel was deleted." }), "This channel was deleted.");
  assert.match(stateText({ name: "offline" }), /offline/);
  assert.equal(stateText({ name: "connecting" }), "Connecting…");
  assert.equal(stateText({ name: "connecting" }, true), "Reconnecting…");
});

test("every reset has its text", () => {
  assert.match(resetText({ reason: "expired", first: 19 }), /before #19/);
  assert.match(resetText({ reason: "expired", first: null }), /expired/);
  assert.match(resetText({ reason: "epoch" }), /restarted/);
  assert.match(resetText({ reason: "ahead" }), /set back/);
});

test("one is singular, and a count at the maximum is marked", () => {
  assert.deepEqual([watchingText(1), watchingText(12)], ["1 watching", "12 watching"]);
  assert.deepEqual([1, 2, 500].map((n) => countText(n, 500)), ["1 new update", "2 new updates", "500+ new updates"]);
});

test("a page on https uses wss", () => {
  assert.equal(socketUrl({ protocol: "https:", host: "hub.example" }, "/updates"), "wss://hub.example/updates/api/v1/ws");
  assert.equal(socketUrl({ protocol: "http:", host: "127.0.0.1:8000" }, ""), "ws://127.0.0.1:8000/api/v1/ws");
});
