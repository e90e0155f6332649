// The live list of one channel. It resumes from the position that the server rendered.

import { Connection } from "../live/connection.js";
import { socketUrl, watchNetwork } from "../live/network.js";
import { Subscription } from "../live/subscription.js";
import { localise } from "../time.js";
import { Announcer } from "./announcer.js";
import { countText, resetText, stateText, watchingText } from "./feed-words.js";
import { markerItem, updateItem } from "./update-item.js";

const MAX_ITEMS = 500;

/**
 * `<update-feed data-channel data-epoch data-seq>` around the parts that `channel.html` renders, each named by
 * `data-part`: bar, state, watching, new, list, empty, older, announcer. The list is newest first.
 * While the reader is at the top, updates are shown at once; further down they wait behind the "new" button, so that
 * the text in view does not move. At most 500 items are kept on the page, and at most 500 waiting.
 */
export class UpdateFeed extends HTMLElement {
  #gone;
  #connection;
  #subscription;
  #announcer;
  #waiting = []; // items that are not shown yet, oldest first
  #arrived = []; // items that arrived in this task of the event loop, inserted together at its end
  #unseen = 0;
  #wasLive = false;
  #title = document.title;

  connectedCallback() {
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    this.#announcer = new Announcer(this.#part("announcer"));
    this.#connection = new Connection(socketUrl(location, this.dataset.root));
    this.#connection.addEventListener("state", ({ detail }) => this.#showState(detail), { signal });
    this.#follow(signal);
    watchNetwork(this.#connection, signal);
    this.#part("new").addEventListener("click", () => this.#backToTop(), { signal });
    addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    document.addEventListener("visibilitychange", () => this.#countUnseen(0), { signal });
    this.#part("bar").hidden = false;
    this.#connection.open();
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.#announcer.stop();
    // If the element is inserted again, it resumes from this position.
    Object.assign(this.dataset, this.#subscription.position);
    this.#subscription.close();
    this.#connection.close();
  }

  #follow(signal) {
    const { channel, epoch, seq } = this.dataset;
    const position = { epoch: epoch || null, seq: Number(seq) };
    this.#subscription = new Subscription(this.#connection, channel, position);
    const on = (name, act) => this.#subscription.addEventListener(name, ({ detail }) => act(detail), { signal });
    on("update", (update) => this.#arrive(updateItem(update)));
    on("reset", (reset) => this.#arriveReset(reset));
    on("presence", ({ watching }) => (this.#part("watching").textContent = watchingText(watching)));
    on("ended", ({ message }) => this.#connection.refuse(message));
  }

  #arriveReset(reset) {
    if (reset.reason !== "expired") this.#retireShown();
    this.#arrive(markerItem(resetText(reset)));
  }

  // The seqs start again at 1, so the ids and links of the shown items are removed; they stay readable.
  #retireShown() {
    for (const item of [...this.#part("list").children, ...this.#waiting, ...this.#arrived]) {
      item.removeAttribute("id");
      item.classList.add("update-past");
      item.querySelector(".update-seq")?.removeAttribute("href");
    }
  }

  #arrive(item) {
    // One frame may carry hundreds of updates: insert them together, after the whole frame was read.
    if (this.#arrived.push(item) === 1) queueMicrotask(() => this.#insertArrived());
    if (this.#arrived.length > MAX_ITEMS) this.#arrived.shift();
  }

  #insertArrived() {
    const atTop = this.#waiting.length === 0 && this.#atTop();
    this.#announcer.add(this.#arrived.length);
    this.#countUnseen(this.#arrived.length);
    this.#waiting = [...this.#waiting, ...this.#arrived].slice(-MAX_ITEMS);
    this.#arrived = [];
    if (atTop) this.#showWaiting();
    else this.#showCount();
  }

  #scrolled() {
    if (this.#waiting.length > 0 && this.#atTop()) this.#showWaiting();
  }

  #showWaiting() {
    const list = this.#part("list");
    for (const item of this.#waiting) localise(item);
    list.prepend(...this.#waiting.reverse());
    this.#waiting = [];
    while (list.children.length > MAX_ITEMS) list.lastElementChild.remove();
    this.#part("empty").hidden = list.children.length > 0;
    this.#showOlder(list);
    this.#showCount();
  }

  #showOlder(list) {
    const oldest = [...list.querySelectorAll(".update:not(.update-past)")].at(-1)?.dataset.seq;
    const { root, channel } = this.dataset;
    if (oldest > 1) this.#part("older").querySelector("a").href = `${root}/${channel}?before=${oldest}`;
    if (list.children.length === MAX_ITEMS) this.#part("older").hidden = false;
  }

  #showCount() {
    const button = this.#part("new");
    button.hidden = this.#waiting.length === 0;
    button.textContent = `${countText(this.#waiting.length, MAX_ITEMS)} ↑`;
  }

  #backToTop() {
    this.#showWaiting();
    const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scrollIntoView({ block: "start", behavior: reduced ? "instant" : "smooth" });
    this.#part("list").focus({ preventScroll: true });
  }

  #showState(state) {
    const part = this.#part("state");
    part.dataset.state = state.name;
    part.textContent = stateText(state, this.#wasLive);
    this.#wasLive ||= state.name === "live";
    if (state.name !== "live") this.#part("watching").textContent = "";
  }

  // In a hidden tab the title counts the new updates, until the tab is shown.
  #countUnseen(count) {
    this.#unseen = document.hidden ? this.#unseen + count : 0;
    document.title = this.#unseen > 0 ? `(${this.#unseen}) ${this.#title}` : this.#title;
  }

  #atTop() {
    return this.#part("list").getBoundingClientRect().top >= this.#part("bar").getBoundingClientRect().bottom - 8;
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }
}
