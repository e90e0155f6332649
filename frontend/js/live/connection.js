// One websocket to the hub that stands up again by itself; what it carries is others' business.

import { delay, delayAfterShutdown } from "./backoff.js";

const SUBPROTOCOL = "tidewire.v1";
const WELCOME_WITHIN = 10_000;
const PING_EVERY = 20_000;
const ANSWER_WITHIN = 10_000;
const STEADY_AFTER = 5_000;
const OFFLINE_PROBE = 30_000;
const SHUTDOWN = 1001;
const UNAUTHENTICATED = 4401;

/**
 * Events: `state`, whose detail is `{name, seconds?, message?}` with the name one of
 * `connecting`, `live`, `waiting` (seconds until the next try), `offline`, `refused` (message says why; no more tries);
 * and `message`, whose detail is one parsed JSON object from the hub.
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
  #retry = null; // the timer of the next try
  #deadline = null; // the timer of the next ping, or of the answer that is due

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

  /** The newest state, as the `state` event told it. */
  get state() {
    return this.#state;
  }

  /** Connects, now, unless a socket is already open or opening. */
  open() {
    if (this.#socket) return;
    this.#clock.clearTimeout(this.#retry);
    this.#become({ name: "connecting" });
    const socket = new this.#Socket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    // A socket that was let go may still speak; only the one held now is heard.
    const heard = (listener) => (event) => socket === this.#socket && listener(event);
    socket.addEventListener("message", heard(({ data }) => this.#read(data)));
    socket.addEventListener("close", heard(({ code }) => this.#closed(code)));
    this.#expectWithin(WELCOME_WITHIN);
  }

  /** Closes for good, silently; `open` begins anew. */
  close() {
    this.#clock.clearTimeout(this.#retry);
    this.#letGo(1000);
    this.#state = { name: "closed" };
  }

  /** Sends one message if the connection is live, and says whether it was. */
  send(message) {
    if (this.#state.name !== "live") return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The network or the reader is back: tries at once, or makes sure that a live link is not dead. */
  wake() {
    if (this.#state.name === "live") this.#ping();
    else if (this.#state.name === "waiting" || this.#state.name === "offline") this.open();
  }

  /** The browser says that there is no network. It can be wrong (a hub on this machine), so a slow probe goes on. */
  offline() {
    if (this.#state.name === "closed" || this.#state.name === "refused") return;
    this.#letGo();
    this.#become({ name: "offline" });
    this.#openIn(OFFLINE_PROBE);
  }

  /** Gives up this socket and comes back after the usual wait: for one who finds the stream broken. */
  restart() {
    if (this.#socket) this.#closed(1006);
  }

  /** Ends it with the reason in plain words; nothing is tried again until `open`. */
  refuse(message) {
    this.#clock.clearTimeout(this.#retry);
    this.#letGo(1000);
    this.#become({ name: "refused", message });
  }

  #read(frame) {
    const socket = this.#socket;
    for (const line of String(frame).split("\n")) {
      if (socket !== this.#socket) return; // A listener closed it; the rest is asked for again after the reconnect.
      if (line.trim() === "") continue;
      let message;
      try {
        message = JSON.parse(line);
      } catch {
        return this.restart(); // What the line held is unknown, so ask again from the position.
      }
      if (message.type === "welcome") this.#welcomed();
      this.dispatchEvent(new CustomEvent("message", { detail: message }));
    }
    if (socket === this.#socket && this.#state.name === "live") this.#pingIn(PING_EVERY);
  }

  #welcomed() {
    this.#liveSince = this.#clock.now();
    this.#become({ name: "live" });
  }

  #closed(code) {
    // Only a link that held for a while clears the count, or a hub that hangs up at once is asked four times a second.
    if (this.#state.name === "live" && this.#clock.now() - this.#liveSince >= STEADY_AFTER) this.#tries = 0;
    this.#letGo();
    if (code === UNAUTHENTICATED) return this.refuse("Your access has ended. Reload the page to go on.");
    const wait = code === SHUTDOWN ? delayAfterShutdown(this.#random) : delay(this.#tries++, this.#random);
    this.#openIn(wait);
    this.#become({ name: "waiting", seconds: Math.ceil(wait / 1000) });
  }

  #letGo(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#clock.clearTimeout(this.#deadline);
    socket?.close(code); // On a dead link its close event may take minutes; nobody waits for it.
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
    if (this.send({ type: "ping" })) this.#expectWithin(ANSWER_WITHIN);
  }

  #expectWithin(wait) {
    this.#clock.clearTimeout(this.#deadline);
    this.#deadline = this.#clock.setTimeout(() => this.restart(), wait);
  }

  #become(state) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

const systemClock = {
  now: () => performance.now(),
  setTimeout: (act, wait) => setTimeout(act, wait),
  clearTimeout: (timer) => clearTimeout(timer),
};
