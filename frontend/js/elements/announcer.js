// Says in a live region how many updates came, at most once in ten seconds, so that a busy channel can be borne.

const QUIET = 10_000;

/** Counts what arrives and tells it to those who listen rather than look. */
export class Announcer {
  #region;
  #count = 0;
  #timer = null;

  /** @param {HTMLElement} region an aria-live region that nobody else writes to */
  constructor(region) {
    this.#region = region;
  }

  /** @param {number} count how many came just now */
  add(count) {
    this.#count += count;
    this.#timer ??= setTimeout(() => this.#speak(), 1_000);
  }

  /** Says nothing more. */
  stop() {
    clearTimeout(this.#timer);
  }

  #speak() {
    if (this.#count === 0) {
      this.#timer = null;
      return;
    }
    this.#region.textContent = `${this.#count} new ${this.#count === 1 ? "update" : "updates"}`;
    this.#count = 0;
    this.#timer = setTimeout(() => this.#speak(), QUIET);
  }
}
