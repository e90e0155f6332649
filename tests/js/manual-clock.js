// A clock that a test advances by hand, with the functions of the real one.

export class ManualClock {
  #now = 0;
  #timers = new Map();
  #next = 1;

  now = () => this.#now;

  setTimeout = (act, wait) => {
    this.#timers.set(this.#next, { act, due: this.#now + wait });
    return this.#next++;
  };

  clearTimeout = (timer) => {
    this.#timers.delete(timer);
  };

  /** Advances by `span` milliseconds and runs every timer that falls due, in order, each at its own time. */
  advance(span) {
    const end = this.#now + span;
    for (let due = this.#firstDue(end); due; due = this.#firstDue(end)) {
      const [timer, { act, due: time }] = due;
      this.#timers.delete(timer);
      this.#now = time;
      act();
    }
    this.#now = end;
  }

  get waiting() {
    return this.#timers.size;
  }

  #firstDue(end) {
    return [...this.#timers].filter(([, { due }]) => due <= end).sort((a, b) => a[1].due - b[1].due)[0];
  }
}
