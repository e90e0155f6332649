// One channel, followed from a position: emits every update once and in order, across reconnects.

import { delay } from "./backoff.js";
import { decide } from "./position.js";

const SUBSCRIBE_TIMEOUT_MS = 15_000;
const PERMANENT_REFUSALS = new Set(["unauthenticated", "forbidden", "not_found", "invalid_request"]);
const ENDINGS = {
  revoked: "You may no longer read this channel.",
  deleted: "This channel was deleted.",
};

/**
 * Events: `update` (detail: the update), `reset` (detail: `{reason, epoch, first, last}`), `presence`
 * (detail: `{watching, users}`) and `ended` (detail: `{message}`, a text for the reader; no event follows).
 */
export class Subscription extends EventTarget {
  #connection;
  #channel;
  #position;
  #gone = new AbortController();
  #ref = 0;
  #subscribed = false;
  #failures = 0; // gaps and temporary errors since the last accepted update
  #retry = null; // the timer of the next subscribe, or of the answer that is awaited
  #random;
  #clock;

  /**
   * Subscribes as soon as the connection is live, and again whenever it becomes live.
   * @param {import("./connection.js").Connection} connection
   * @param {string} channel its slug
   * @param {import("./position.js").Position} position how far it was read; `seq: null` means live from now
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
    connection.addEventListener("state", ({ detail }) => this.#connectionChanged(detail.name === "live"), { signal });
    connection.addEventListener("message", ({ detail }) => this.#receive(detail), { signal });
    if (connection.state.name === "live") this.#connectionChanged(true);
  }

  /** The position read so far. */
  get position() {
    return this.#position;
  }

  /** Stops following, and unsubscribes if the connection is live. */
  close() {
    this.#stop();
    this.#connection.send({ type: "unsubscribe", channel: this.#channel });
  }

  #stop() {
    this.#gone.abort();
    this.#clock.clearTimeout(this.#retry);
  }

  #connectionChanged(live) {
    this.#subscribed = false;
    this.#clock.clearTimeout(this.#retry);
    if (live) this.#subscribe();
  }

  #subscribe() {
    const { epoch, seq } = this.#position;
    const from = seq === null ? {} : epoch === null ? { after: seq } : { after: seq, epoch };
    this.#connection.send({ type: "subscribe", ref: ++this.#ref, channel: this.#channel, ...from });
    this.#schedule(() => this.#connection.restart(), SUBSCRIBE_TIMEOUT_MS);
  }

  #schedule(act, wait) {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = this.#clock.setTimeout(act, wait);
  }

  #receive(message) {
    if (message.type === "error") return this.#refused(message);
    if (message.channel !== this.#channel) return;
    switch (message.type) {
      case "subscribed":
        // An answer to an older subscribe does not start the updates of the current one.
        if (message.ref === this.#ref) this.#subscribedNow(message);
        break;
      case "update":
      case "reset":
        if (this.#subscribed) this.#apply(message);
        break;
      case "presence":
        this.#emit("presence", { watching: message.watching, users: message.users ?? [] });
        break;
      case "unsubscribed":
        if (message.reason in ENDINGS) this.#end(ENDINGS[message.reason]);
        break;
    }
  }

  #subscribedNow(message) {
    this.#subscribed = true;
    this.#clock.clearTimeout(this.#retry);
    this.#position = decide(this.#position, message).position;
    this.#connection.send({ type: "presence", channel: this.#channel, on: true });
  }

  #apply(message) {
    const { verdict, position } = decide(this.#position, message);
    if (verdict === "gap") return this.#resubscribe();
    if (verdict === "drop") return;
    this.#position = position;
    this.#failures = 0;
    this.#emit(message.type, message);
  }

  #resubscribe() {
    this.#subscribed = false; // Updates that are still in flight belong to the broken subscription.
    if (this.#failures++ > 0) return this.#connection.restart();
    this.#connection.send({ type: "unsubscribe", channel: this.#channel });
    this.#subscribe();
  }

  #refused({ ref, code, message }) {
    if (ref !== this.#ref || this.#subscribed) return;
    if (PERMANENT_REFUSALS.has(code)) return this.#end(message);
    this.#schedule(() => this.#subscribe(), delay(this.#failures++, this.#random));
  }

  #end(message) {
    this.#stop();
    this.#emit("ended", { message });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
