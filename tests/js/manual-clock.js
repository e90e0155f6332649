// A clock that stands still until a test moves it: the same four functions as the real one.

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

  /** Lets `span` milliseconds pass; what falls due runs in its order, each at its own moment. */
  pass(span) {
    const end = this.#now + span;
    for (let due = this.#earliest(end); due; due = this.#earliest(end)) {
      const [timer, { act, due: moment }] = due;
      this.#timers.delete(timer);
      this.#now = moment;
      act();
    }
    this.#now = end;
  }

  get waiting() {
    return this.#timers.size;
  }

  #earliest(end) {
    return [...this.#timers].filter(([, { due }]) => due <= end).sort((a, b) => a[1].due - b[1].due)[0];
  }
}
