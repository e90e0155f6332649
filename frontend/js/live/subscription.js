// One channel followed from a position: every update is told once and in order, however often the link breaks.

import { delay } from "./backoff.js";
import { decide } from "./position.js";

const ANSWER_WITHIN = 15_000;
const REFUSALS = new Set(["unauthenticated", "forbidden", "not_found", "invalid_request"]);
const ENDINGS = {
  revoked: "You may no longer read this channel.",
  deleted: "This channel was deleted.",
};

/**
 * Events: `update` (detail: the update), `reset` (detail: `{reason, epoch, first, last}`), `presence`
 * (detail: `{watching, users}`) and `ended` (detail: `{message}`, in words for the reader; nothing follows).
 */
export class Subscription extends EventTarget {
  #connection;
  #channel;
  #position;
  #gone = new AbortController();
  #ref = 0;
  #subscribed = false;
  #stumbles = 0; // gaps and soft errors since the last update that was accepted
  #retry = null; // the timer of the next question, or of the answer that is due
  #random;
  #clock;

  /**
   * Follows at once when the connection is live, and again whenever it becomes live.
   * @param {import("./connection.js").Connection} connection
   * @param {string} channel its slug
   * @param {import("./position.js").Position} position what has been read; `seq: null` means live from now
   * @param {{random?: () => number, clock?: {setTimeout: Function, clearTimeout: Function}}} [parts]
   */
  constructor(connection, channel, position, { random = Math.random, clock = globalThis } = {}) {
    super();
    this.#connection = connection;
    this.#channel = channel;
    this.#position = position;
    this.#random = random;
    this.#clock = clock;
    const { signal } = this.#gone;
    connection.addEventListener("state", ({ detail }) => this.#linked(detail.name === "live"), { signal });
    connection.addEventListener("message", ({ detail }) => this.#hear(detail), { signal });
    if (connection.state.name === "live") this.#linked(true);
  }

  /** The position read so far. */
  get position() {
    return this.#position;
  }

  /** Stops following and tells the hub, if it can be told. */
  close() {
    this.#stop();
    this.#connection.send({ type: "unsubscribe", channel: this.#channel });
  }

  #stop() {
    this.#gone.abort();
    this.#clock.clearTimeout(this.#retry);
  }

  #linked(live) {
    this.#subscribed = false;
    this.#clock.clearTimeout(this.#retry);
    if (live) this.#subscribe();
  }

  #subscribe() {
    const { epoch, seq } = this.#position;
    const from = seq === null ? {} : epoch === null ? { after: seq } : { after: seq, epoch };
    this.#connection.send({ type: "subscribe", ref: ++this.#ref, channel: this.#channel, ...from });
    this.#later(() => this.#connection.restart(), ANSWER_WITHIN);
  }

  #later(act, wait) {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = this.#clock.setTimeout(act, wait);
  }

  #hear(message) {
    if (message.type === "error") return this.#refused(message);
    if (message.channel !== this.#channel) return;
    switch (message.type) {
      case "subscribed":
        // An answer to an older question says nothing about the run of updates that is awaited now.
        if (message.ref === this.#ref) this.#begin(message);
        break;
      case "update":
      case "reset":
        if (this.#subscribed) this.#take(message);
        break;
      case "presence":
        this.#tell("presence", { watching: message.watching, users: message.users ?? [] });
        break;
      case "unsubscribed":
        if (message.reason in ENDINGS) this.#end(ENDINGS[message.reason]);
        break;
    }
  }

  #begin(message) {
    this.#subscribed = true;
    this.#clock.clearTimeout(this.#retry);
    this.#position = decide(this.#position, message).position;
    this.#connection.send({ type: "presence", channel: this.#channel, on: true });
  }

  #take(message) {
    const { verdict, position } = decide(this.#position, message);
    if (verdict === "gap") return this.#mend();
    if (verdict === "drop") return;
    this.#position = position;
    this.#stumbles = 0;
    this.#tell(message.type, message);
  }

  #mend() {
    this.#subscribed = false; // What is still on its way belongs to the broken run.
    if (this.#stumbles++ > 0) return this.#connection.restart();
    this.#connection.send({ type: "unsubscribe", channel: this.#channel });
    this.#subscribe();
  }

  #refused({ ref, code, message }) {
    if (ref !== this.#ref || this.#subscribed) return;
    if (REFUSALS.has(code)) return this.#end(message);
    this.#later(() => this.#subscribe(), delay(this.#stumbles++, this.#random));
  }

  #end(message) {
    this.#stop();
    this.#tell("ended", { message });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
