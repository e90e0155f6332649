// One update as a list item, node for node as `templates/update.html` renders it.

import { isRendered, parse } from "../markdown.js";
import { toDom } from "../markdown-dom.js";
import { numberText, percentText } from "../numbers.js";
import { utcText } from "../time.js";

const LEVELS = new Set(["debug", "info", "success", "warning", "error", "critical"]);

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * @param {object} the update as received
 * @returns {HTMLLIElement}
 */
export function updateItem(update) {
  const level = LEVELS.has(update.level) ? update.level : "info";
  const item = make("li", "update", gauge(update), card(update, level));
  item.id = `u${update.seq}`;
  item.dataset.seq = update.seq;
  item.dataset.level = level;
  return item;
}

/**
 * A line between updates that reports a reset of the log.
 * @param {string} text
 * @returns {HTMLLIElement}
 */
export const markerItem = (text) => make("li", "feed-marker", make("p", "", text));

function gauge(update) {
  const seq = make("a", "update-seq", `#${update.seq}`);
  seq.href = `#u${update.seq}`;
  const at = new Date(update.at);
  const time = make("time", "update-time", utcText(at));
  time.dateTime = at.toISOString();
  return make("div", "update-gauge", seq, time);
}

function card(update, level) {
  return make("article", "update-card", head(update, level), ...content(update), ...foot(update));
}

function head(update, level) {
  const parts = [make("span", "update-level", level)];
  if (update.status !== undefined) parts.push(make("span", "pill", update.status));
  if (update.key !== undefined) parts.push(make("code", "update-key", update.key));
  if (update.gone) parts.push(make("span", "pill", "taken off the board"));
  parts.push(make("span", "update-author", update.author ?? "anonymous"));
  return make("p", "update-head", ...parts);
}

function* content(update) {
  if (update.title !== undefined) yield make("h2", "update-title", update.title);
  if (update.value !== undefined) yield value(update);
  if (update.progress !== undefined) yield progress(update);
  if (update.body !== undefined) yield body(update);
}

function value({ value, unit }) {
  const data = make("data", "", numberText(value));
  data.value = String(value);
  return make("p", "update-value", data, ...(unit === undefined ? [] : [" ", make("span", "update-unit", unit)]));
}

function progress({ progress, title, key }) {
  const bar = make("progress", "");
  bar.max = 1;
  bar.value = progress;
  bar.setAttribute("aria-label", `Progress of ${title ?? key ?? "this update"}`);
  return make("p", "update-progress", bar, make("span", "", percentText(progress)));
}

const body = ({ body, format }) =>
  format === "markdown" && isRendered(body)
    ? make("div", "update-body prose", toDom(parse(body)))
    : make("div", "update-body update-text", body);

function* foot(update) {
  if (update.link !== undefined && /^https?:\/\//i.test(update.link)) yield link(update.link);
  if (update.tags?.length) yield make("ul", "tags", ...update.tags.map((tag) => make("li", "", tag)));
  if (update.data !== undefined) {
    const code = make("code", "", dataText(update.data));
    yield make("details", "update-data", make("summary", "", "Data"), make("pre", "", code));
  }
}

// Deeper JSON is not indented, as on the server: a few kilobytes of nested brackets would be indented to a hundred
// megabytes.
const MAX_INDENTED_LEVELS = 20;
const isShallow = (value, levels) =>
  value === null || typeof value !== "object" ||
  (levels > 0 && Object.values(value).every((each) => isShallow(each, levels - 1)));
const dataText = (data) => JSON.stringify(data, null, isShallow(data, MAX_INDENTED_LEVELS) ? 2 : 0);

function link(address) {
  const anchor = make("a", "", address);
  anchor.href = address;
  anchor.rel = "noopener noreferrer";
  return make("p", "update-link", anchor);
}
