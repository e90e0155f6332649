// One websocket to the hub that reconnects by itself. It is independent of channels.

import { delay, delayAfterShutdown } from "./backoff.js";

const SUBPROTOCOL = "tidewire.v1";
const WELCOME_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 20_000;
const PONG_TIMEOUT_MS = 10_000;
const STEADY_AFTER_MS = 5_000;
const OFFLINE_PROBE_MS = 30_000;
const SHUTDOWN = 1001;
const UNAUTHENTICATED = 4401;

/**
 * Events: `state`, whose detail is `{name, seconds?, message?}` with the name one of `connecting`, `live`, `waiting`
 * (seconds until the next attempt), `offline`, `refused` (message gives the reason; no more attempts); and `message`,
 * whose detail is one parsed JSON object from the hub.
 */
export class Connection extends EventTarget {
  #url;
  #Socket;
  #clock;
  #random;
  #socket = null;
  #state = { name: "closed" };
  #tries = 0;
  #liveSince = 0;
  #retry = null; // the timer of the next attempt
  #deadline = null; // the timer of the next ping, or of the answer that is awaited

  /**
   * @param {string} url ws:// or wss://
   * @param {{WebSocket?: typeof WebSocket, random?: () => number,
   *          clock?: {now: () => number, setTimeout: Function, clearTimeout: Function}}} [parts]
   */
  constructor(url, { WebSocket = globalThis.WebSocket, random = Math.random, clock = systemClock } = {}) {
    super();
    this.#url = url;
    this.#Socket = WebSocket;
    this.#random = random;
    this.#clock = clock;
  }

  /** The current state, the detail of the last `state` event. */
  get state() {
    return this.#state;
  }

  /** Connects now, unless a socket is already open or opening. */
  open() {
    if (this.#socket) return;
    this.#clock.clearTimeout(this.#retry);
    this.#setState({ name: "connecting" });
    const socket = new this.#Socket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    // An abandoned socket may still fire events; only those of the current one count.
    const ifCurrent = (listener) => (event) => socket === this.#socket && listener(event);
    socket.addEventListener("message", ifCurrent(({ data }) => this.#read(data)));
    socket.addEventListener("close", ifCurrent(({ code }) => this.#closed(code)));
    this.#restartAfter(WELCOME_TIMEOUT_MS);
  }

  /** Closes without an event and does not reconnect; `open` starts again. */
  close() {
    this.#clock.clearTimeout(this.#retry);
    this.#abandon(1000);
    this.#state = { name: "closed" };
  }

  /** Sends one message if the connection is live. Returns false, and sends nothing, if it is not. */
  send(message) {
    if (this.#state.name !== "live") return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The network or the reader is back: connects at once, or pings a live connection to check it. */
  wake() {
    if (this.#state.name === "live") this.#ping();
    else if (this.#state.name === "waiting" || this.#state.name === "offline") this.open();
  }

  /** The browser reports no network. It can be wrong (a hub on this machine), so it is probed every 30 s. */
  offline() {
    if (this.#state.name === "closed" || this.#state.name === "refused") return;
    this.#abandon();
    this.#setState({ name: "offline" });
    this.#openIn(OFFLINE_PROBE_MS);
  }

  /** Closes this socket and reconnects after the usual delay: for a caller that found the stream broken. */
  restart() {
    if (this.#socket) this.#closed(1006);
  }

  /** Ends the connection with a message for the reader, and does not reconnect until `open`. */
  refuse(message) {
    this.#clock.clearTimeout(this.#retry);
    this.#abandon(1000);
    this.#setState({ name: "refused", message });
  }

  #read(frame) {
    const socket = this.#socket;
    for (const line of String(frame).split("\n")) {
      if (socket !== this.#socket) return; // A listener closed it; the rest is requested again after the reconnect.
      if (line.trim() === "") continue;
      let message;
      try {
        message = JSON.parse(line);
      } catch {
        return this.restart(); // The line's content is lost: reconnect and resume from the position.
      }
      if (message.type === "welcome") this.#welcomed();
      this.dispatchEvent(new CustomEvent("message", { detail: message }));
    }
    if (socket === this.#socket && this.#state.name === "live") this.#pingIn(PING_INTERVAL_MS);
  }

  #welcomed() {
    this.#liveSince = this.#clock.now();
    this.#setState({ name: "live" });
  }

  #closed(code) {
    // Only a connection that lasted resets the count: otherwise one that closes at once is reopened four times a second.
    if (this.#state.name === "live" && this.#clock.now() - this.#liveSince >= STEADY_AFTER_MS) this.#tries = 0;
    this.#abandon();
    if (code === UNAUTHENTICATED) return this.refuse("Your session has ended. Reload the page to sign in again.");
    const wait = code === SHUTDOWN ? delayAfterShutdown(this.#random) : delay(this.#tries++, this.#random);
    this.#openIn(wait);
    this.#setState({ name: "waiting", seconds: Math.ceil(wait / 1000) });
  }

  #abandon(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#clock.clearTimeout(this.#deadline);
    socket?.close(code); // On a broken link the close event may take minutes; do not wait for it.
  }

  #openIn(wait) {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = this.#clock.setTimeout(() => this.open(), wait);
  }

  #pingIn(wait) {
    this.#clock.clearTimeout(this.#deadline);
    this.#deadline = this.#clock.setTimeout(() => this.#ping(), wait);
  }

  #ping() {
    if (this.send({ type: "ping" })) this.#restartAfter(PONG_TIMEOUT_MS);
  }

  #restartAfter(wait) {
    this.#clock.clearTimeout(this.#deadline);
    this.#deadline = this.#clock.setTimeout(() => this.restart(), wait);
  }

  #setState(state) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

const systemClock = {
  now: () => performance.now(),
  setTimeout: (act, wait) => setTimeout(act, wait),
  clearTimeout: (timer) => clearTimeout(timer),
};
