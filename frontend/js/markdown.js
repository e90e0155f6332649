// A small, safe Markdown parser: returns a plain tree. It parses no HTML, so the tree contains none.

import { parseInline } from "./markdown-inline.js";

/** @typedef {{tag: string, attributes?: Object<string, string>, children: Node[]} | string} Node */

const MAX_DEPTH = 6;
// Markdown beyond these is shown as plain text, here and by the server, for which a hostile text takes quadratic time.
const MAX_CHARACTERS = 8192;
const MAX_MARKS = 1000;
const MAX_LINES = 400;
const FENCE = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])([ \t]+|$)/;
// Inside a paragraph "14. July" is text; only a bullet or a 1 begins a list there.
const FIRST_ITEM = /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/;

const element = (tag, children, attributes) => ({ tag, children, ...(attributes && { attributes }) });

/**
 * Whether a text is within the bounds.
 * @param {string} text
 */
export const isRendered = (text) =>
  text.length <= MAX_CHARACTERS &&
  text.split(/[*_[\]<&`\\]/).length <= MAX_MARKS + 1 &&
  text.split("\n").length <= MAX_LINES;

/**
 * Headings, paragraphs, lists, quotes, rules, fenced code; inside them strong, em, code, links and line breaks.
 * @param {string} text
 * @returns {Node[]}
 */
export function parse(text) {
  return parseBlocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function parseBlocks(lines, depth) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const taken = line.trim() === "" ? { next: at + 1 } : readBlock(lines, at, depth);
    if (taken.node) nodes.push(taken.node);
    at = taken.next;
  }
  return nodes;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  let match;
  if ((match = FENCE.exec(line))) return readFence(lines, at, match);
  if ((match = HEADING.exec(line))) return readHeading(at, match);
  if (RULE.test(line)) return { node: element("hr", []), next: at + 1 };
  if (depth < MAX_DEPTH && QUOTE.test(line)) return readQuote(lines, at, depth);
  if (depth < MAX_DEPTH && (match = ITEM.exec(line))) return readList(lines, at, match, depth);
  return readParagraph(lines, at, depth);
}

function readFence(lines, at, [, fence]) {
  const closing = new RegExp(`^ {0,3}[${fence[0]}]{${fence.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end++;
  const code = lines.slice(at + 1, end).map((line) => `${line}\n`).join("");
  return { node: element("pre", [element("code", [code])]), next: end + 1 };
}

function readHeading(at, [, marks, text = ""]) {
  return { node: element(`h${marks.length}`, parseInline(withoutClosingMarks(text.trim()))), next: at + 1 };
}

// "Title ##" is "Title", "C#" stays "C#". A pattern for this would take quadratic time on a hostile line.
function withoutClosingMarks(words) {
  let end = words.length;
  while (words[end - 1] === "#") end--;
  return end === 0 || /[ \t]/.test(words[end - 1]) ? words.slice(0, end).trimEnd() : words;
}

function readQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { node: element("blockquote", parseBlocks(inner, depth + 1)), next: end };
}

function readList(lines, at, [, , mark, number], depth) {
  const items = [];
  const kind = mark.at(-1);
  let next = at;
  while (next < lines.length) {
    const match = ITEM.exec(lines[next]);
    if (!match || match[2].at(-1) !== kind || RULE.test(lines[next])) break;
    const item = readItem(lines, next, match);
    items.push(element("li", loosen(parseBlocks(item.lines, depth + 1))));
    next = item.next;
  }
  if (number === undefined) return { node: element("ul", items), next };
  return { node: element("ol", items, Number(number) === 1 ? undefined : { start: String(Number(number)) }), next };
}

function readItem(lines, at, match) {
  const indent = match[0].length;
  const inner = [lines[at].slice(indent)];
  let next = at + 1;
  while (next < lines.length) {
    const line = lines[next];
    const blank = line.trim() === "";
    const belongs = /^\s*/.exec(line)[0].length >= Math.min(indent, 4);
    // A blank line is part of the item only if the next line is.
    if (blank && !(next + 1 < lines.length && /^ {2,}\S/.test(lines[next + 1]))) break;
    if (!blank && !belongs && (ITEM.test(line) || startsBlock(line))) break;
    if (!blank && !belongs && lines[next - 1].trim() === "") break;
    inner.push(belongs ? line.slice(Math.min(indent, 4)) : line);
    next++;
  }
  while (next < lines.length && lines[next].trim() === "") next++;
  return { lines: inner, next };
}

// An item with one paragraph holds its text directly, so that short lists stay tight.
const loosen = (nodes) =>
  nodes[0]?.tag === "p" && nodes.filter((node) => node.tag === "p").length === 1
    ? [...nodes[0].children, ...nodes.slice(1)]
    : nodes;

const startsBlock = (line) => [FENCE, HEADING, RULE, QUOTE, FIRST_ITEM].some((pattern) => pattern.test(line));

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "" && !(startsBlock(lines[end]) && depth < MAX_DEPTH)) end++;
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n").trimEnd();
  return { node: element("p", parseInline(text)), next: end };
}
