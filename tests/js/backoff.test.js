import assert from "node:assert/strict";
import { test } from "node:test";

import { delay, delayAfterShutdown } from "../../frontend/js/live/backoff.js";

const LEAST = () => 0;
const MOST = () => 1 - Number.EPSILON;

test("the first wait is between 125 and 250 ms", () => {
  assert.equal(delay(0, LEAST), 125);
  assert.ok(delay(0, MOST) > 249 && delay(0, MOST) <= 250);
});

test("each failure doubles the wait until it is 30 s", () => {
  const waits = Array.from({ length: 10 }, (_, tries) => delay(tries, LEAST) * 2);

  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("no number of failures goes past the cap or below half of it", () => {
  for (const tries of [50, 1000, 5000]) {
    assert.equal(delay(tries, LEAST), 15_000);
    assert.ok(delay(tries, MOST) <= 30_000);
  }
});

test("after a shutdown the waits are spread over five seconds", () => {
  assert.equal(delayAfterShutdown(LEAST), 250);
  assert.ok(delayAfterShutdown(MOST) > 4_999 && delayAfterShutdown(MOST) <= 5_000);
});
