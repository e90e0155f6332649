// Announces the number of new updates in a live region, at most once in ten seconds, for screen readers.

const INTERVAL_MS = 10_000;
const FIRST_DELAY_MS = 1_000;

/** Counts new updates and writes the count into the region. */
export class Announcer {
  #region;
  #count = 0;
  #timer = null;

  /** @param {HTMLElement} region an aria-live region that only this class writes to */
  constructor(region) {
    this.#region = region;
  }

  /** @param {number} count the number of updates just received */
  add(count) {
    this.#count += count;
    this.#timer ??= setTimeout(() => this.#announce(), FIRST_DELAY_MS);
  }

  /** Stops announcing. */
  stop() {
    clearTimeout(this.#timer);
  }

  #announce() {
    if (this.#count === 0) {
      this.#timer = null;
      return;
    }
    this.#region.textContent = `${this.#count} new ${this.#count === 1 ? "update" : "updates"}`;
    this.#count = 0;
    this.#timer = setTimeout(() => this.#announce(), INTERVAL_MS);
  }
}
