// The delay before a reconnect: doubled each time, capped and randomised, against reconnect storms.

const BASE_MS = 250;
const CAP_MS = 30_000;

/**
 * The delay before attempt number `tries` (0 is the first), between half and the whole of 250 ms * 2^tries,
 * and at most 30 s.
 * @param {number} tries how many attempts have failed in a row
 * @param {() => number} [random] a number in [0, 1)
 * @returns {number} milliseconds
 */
export const delay = (tries, random = Math.random) => Math.min(CAP_MS, BASE_MS * 2 ** tries) * (0.5 + random() / 2);

/**
 * The delay after the server closed with 1001 (it shuts down): spread evenly over five seconds,
 * because all its watchers are disconnected at the same moment.
 * @param {() => number} [random] a number in [0, 1)
 * @returns {number} milliseconds
 */
export const delayAfterShutdown = (random = Math.random) => BASE_MS + random() * 4_750;
