// How long to wait before the next try: doubling, capped, and never the same for everybody.

const BASE = 250;
const CAP = 30_000;

/**
 * The wait before try number `tries` (0 is the first), between half and the whole of 250 ms * 2^tries,
 * and at most 30 s.
 * @param {number} tries how many tries have failed in a row
 * @param {() => number} [random] a number in [0, 1)
 * @returns {number} milliseconds
 */
export const delay = (tries, random = Math.random) => Math.min(CAP, BASE * 2 ** tries) * (0.5 + random() / 2);

/**
 * The wait after a server said that it is going away (close 1001): spread evenly over five seconds,
 * because everybody who watched it hears so in the same moment.
 * @param {() => number} [random] a number in [0, 1)
 * @returns {number} milliseconds
 */
export const delayAfterShutdown = (random = Math.random) => BASE + random() * 4_750;
