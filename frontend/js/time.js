// Times as text: in UTC as the server renders them, in the reader's zone, and as "how long ago".

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "2026-11-21 09:30 UTC", exactly as the server renders it. */
export const utcText = (date) => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

/**
 * "just now", "40 s ago", "5 min ago", "3 h ago"; null when it is a day ago or more, or more than a
 * minute ahead of this clock: then show the date.
 * @param {Date} date
 * @param {number} now milliseconds, as `Date.now()`
 * @returns {string | null}
 */
export function ago(date, now) {
  const passed = now - date.getTime();
  if (passed < -MINUTE || passed >= DAY) return null;
  if (passed < 10_000) return "just now";
  if (passed < MINUTE) return `${Math.floor(passed / 1000)} s ago`;
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  return `${Math.floor(passed / HOUR)} h ago`;
}

const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** Shows every `<time datetime>` under `root` in the reader's zone, with the full time as its title. */
export function localise(root, now = Date.now()) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = ago(date, now) ?? short.format(date);
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = full.format(date);
  }
}
