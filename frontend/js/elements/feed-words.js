// The texts of the live list. Pure.

const STATES = {
  connecting: (_, again) => (again ? "Reconnecting…" : "Connecting…"),
  live: () => "Live",
  waiting: ({ seconds }) => `Connection lost. Reconnecting in ${seconds} s`,
  offline: () => "You are offline. New updates will follow when you are online again",
  refused: ({ message }) => message,
};

/**
 * @param {{name: string, seconds?: number, message?: string}} the connection's state
 * @param {boolean} [again] true if it has been live before
 */
export const stateText = (state, again = false) => STATES[state.name](state, again);

const RESETS = {
  expired: ({ first }) =>
    first > 1
      ? `Older updates have expired: the channel no longer keeps updates before #${first}.`
      : "Older updates have expired while you were away.",
  epoch: () => "The channel's log was restarted. The updates below this line are from the previous log.",
  ahead: () => "The channel's log was set back. The updates below this line may no longer be in it.",
};

/** @param {{reason: string, first?: number}} reset */
export const resetText = (reset) => (RESETS[reset.reason] ?? RESETS.epoch)(reset);

/** @param {number} watching */
export const watchingText = (watching) => (watching === 1 ? "1 watching" : `${watching} watching`);

/** "1 new update", "12 new updates", "500+ new updates" when only the newest `max` are kept. */
export const countText = (count, max) =>
  `${count >= max ? `${max}+` : count} new ${count === 1 ? "update" : "updates"}`;
