// What the live list says to its reader, in plain words. Pure.

const STATES = {
  connecting: (_, again) => (again ? "Reconnecting…" : "Connecting…"),
  live: () => "Live",
  waiting: ({ seconds }) => `Connection lost. Reconnecting in ${seconds} s`,
  offline: () => "You are offline. New updates will follow when you are back",
  refused: ({ message }) => message,
};

/**
 * @param {{name: string, seconds?: number, message?: string}} state of the connection
 * @param {boolean} [again] it has been live before
 */
export const stateText = (state, again = false) => STATES[state.name](state, again);

const RESETS = {
  expired: ({ first }) =>
    first > 1
      ? `Older updates have expired: the channel no longer keeps those before #${first}.`
      : "Older updates have expired while you were away.",
  epoch: () => "The channel's log was begun anew. What stands below this line is from the log before.",
  ahead: () => "The channel's log was set back. What stands below this line may no longer be in it.",
};

/** @param {{reason: string, first?: number}} reset */
export const resetText = (reset) => (RESETS[reset.reason] ?? RESETS.epoch)(reset);

/** @param {number} watching */
export const watchingText = (watching) => (watching === 1 ? "1 watching" : `${watching} watching`);

/** "1 new update", "12 new updates", "500+ new updates" when no more than `most` are held. */
export const countText = (count, most) =>
  `${count >= most ? `${most}+` : count} new ${count === 1 ? "update" : "updates"}`;
