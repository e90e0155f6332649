import assert from "node:assert/strict";
import { test } from "node:test";

import { decide } from "../../frontend/js/live/position.js";
import { seeded } from "./seeded.js";

const at = (seq, epoch = "e1") => ({ epoch, seq });
const update = (seq, epoch = "e1") => ({ type: "update", epoch, seq });
const reset = (reason, first, last, epoch = "e1") => ({ type: "reset", reason, epoch, first, last });

test("the next update is accepted and moves the position", () => {
  assert.deepEqual(decide(at(4), update(5)), { verdict: "accept", position: at(5) });
});

test("an update that was received before is dropped", () => {
  for (const seq of [1, 4]) assert.deepEqual(decide(at(4), update(seq)), { verdict: "drop", position: at(4) });
});

test("an update after a missing one is a gap, and the position stays", () => {
  assert.deepEqual(decide(at(4), update(6)), { verdict: "gap", position: at(4) });
});

test("an update of another log without a reset before it is a gap", () => {
  assert.deepEqual(decide(at(4), update(5, "e2")), { verdict: "gap", position: at(4) });
});

test("without a position the first update is accepted", () => {
  assert.deepEqual(decide({ epoch: null, seq: null }, update(7)), { verdict: "accept", position: at(7) });
});

test("a subscription without a position begins at the channel's last seq", () => {
  const decision = decide({ epoch: null, seq: null }, { type: "subscribed", epoch: "e1", seq: 58, resumed: true });

  assert.deepEqual(decision, { verdict: "accept", position: at(58) });
});

test("a resumed subscription leaves the position where it is", () => {
  const decision = decide(at(41), { type: "subscribed", epoch: "e1", seq: 58, resumed: true });

  assert.deepEqual(decision.position, at(41));
});

test("an expired position jumps to just before the first update that is left", () => {
  assert.deepEqual(decide(at(4), reset("expired", 10, 20)), { verdict: "accept", position: at(9) });
});

test("an expired position in a log with nothing left jumps to its last", () => {
  assert.deepEqual(decide(at(4), reset("expired", null, 20)), { verdict: "accept", position: at(20) });
});

test("a new log starts from its first update, even when its seqs are lower", () => {
  assert.deepEqual(decide(at(90), reset("epoch", 1, 3, "e2")), { verdict: "accept", position: at(0, "e2") });
});

test("a position ahead of the log is set back", () => {
  assert.deepEqual(decide(at(90), reset("ahead", 1, 3)), { verdict: "accept", position: at(0) });
});

test("a repeated reset changes nothing", () => {
  assert.equal(decide(at(12), reset("expired", 10, 20)).verdict, "drop");
  assert.equal(decide(at(2, "e2"), reset("epoch", 1, 3, "e2")).verdict, "drop");
});

test("1..n is accepted once and in order, whatever is repeated, dropped, reordered or cut", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seeded(seed);
    const n = 1 + Math.floor(random() * 40);
    const accepted = [];
    let position = at(0);
    for (let runs = 0; accepted.length < n && runs < 10_000; runs++) {
      // Each run is one connection that serves from the position, with faults, until it is cut or a gap ends it.
      for (const seq of faulty(position.seq, n, random)) {
        const decision = decide(position, update(seq));
        position = decision.position;
        if (decision.verdict === "accept") accepted.push(seq);
        if (decision.verdict === "gap") break;
      }
    }

    assert.deepEqual(accepted, Array.from({ length: n }, (_, index) => index + 1), `seed ${seed}`);
  }
});

function faulty(after, last, random) {
  const run = [];
  for (let seq = after + 1; seq <= last && random() > 0.05; seq++) {
    if (random() > 0.1) run.push(seq);
    if (random() < 0.2) run.push(seq);
    if (random() < 0.1) run.push(1 + Math.floor(random() * last));
    if (random() < 0.1 && run.length > 1) run.push(run.splice(-2, 1)[0]);
  }
  return run;
}
