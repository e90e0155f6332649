// Inline Markdown, in one pass from left to right, without a pattern that backtracks.

const SAFE = /^(?:https?:\/\/|mailto:)[^\s\u0000-\u001f]+$/i;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const MAX_DEPTH = 8;

const element = (tag, children, attributes) => ({ tag, children, ...(attributes && { attributes }) });

/**
 * Strong, em, code, links (http, https, mailto), hard breaks and backslash escapes; everything else is text.
 * @param {string} text
 * @param {number} [depth]
 * @param {boolean} [linked] true inside a link, which contains no other link
 * @returns {import("./markdown.js").Node[]}
 */
export function parseInline(text, depth = 0, linked = false) {
  const nodes = [];
  const absent = new Set(); // Marks that do not occur ahead: each is searched for in vain only once.
  const find = (what, from, fits = () => true) => {
    if (absent.has(what)) return -1;
    let found = text.indexOf(what, from);
    while (found >= 0 && !fits(found)) found = text.indexOf(what, found + run(text, found, text[found]));
    if (found < 0) absent.add(what);
    return found;
  };
  const inner = (from, to, within = linked) => parseInline(text.slice(from, to), depth + 1, within);
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const found = depth < MAX_DEPTH ? readSpan(text, at, find, inner, linked) : null;
    if (found) {
      if (plain) nodes.push(plain);
      plain = "";
      nodes.push(...[found.node].flat());
      at = found.next;
    } else if (text[at] === "\\" && at + 1 < text.length && ESCAPABLE.test(text[at + 1])) {
      plain += text[at + 1];
      at += 2;
    } else {
      plain += text[at++];
    }
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function readSpan(text, at, find, inner, linked) {
  switch (text[at]) {
    case "`":
      return readCode(text, at, find);
    case "*":
    case "_":
      return readEmphasis(text, at, find, inner);
    case "[":
      return linked ? null : readLink(text, at, find, inner);
    case "<":
      return linked ? null : readAddress(text, at, find);
    case "\\":
      return text[at + 1] === "\n" ? { node: element("br", []), next: at + 2 } : null;
    case " ":
      return readBreak(text, at);
    default:
      return null;
  }
}

function run(text, at, mark) {
  let end = at;
  while (text[end] === mark) end++;
  return end - at;
}

function readCode(text, at, find) {
  const length = run(text, at, "`");
  const fence = "`".repeat(length);
  const end = find(fence, at + length, (end) => run(text, end, "`") === length);
  if (end < 0) return { node: fence, next: at + length };
  const code = text.slice(at + length, end).replace(/\n/g, " ");
  const padded = code.length > 2 && code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
  return { node: element("code", [padded ? code.slice(1, -1) : code]), next: end + length };
}

const isWord = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
const isSpace = (character) => character === undefined || /\s/.test(character);

function readEmphasis(text, at, find, inner) {
  const mark = text[at];
  const length = run(text, at, mark);
  const open = at + length;
  // snake_case and 2 * 3 are not emphasis.
  if (length > 3 || isSpace(text[open]) || (mark === "_" && isWord(text[at - 1]))) {
    return { node: mark.repeat(length), next: open };
  }
  const fence = mark.repeat(length);
  const end = find(fence, open, (end) => closes(text, end, mark, length));
  if (end < 0) return { node: fence, next: open };
  const children = inner(open, end);
  const strong = length > 1 ? element("strong", children) : null;
  const node = length === 1 ? element("em", children) : length === 2 ? strong : element("em", [strong]);
  return { node, next: end + length };
}

function closes(text, end, mark, length) {
  const after = end + run(text, end, mark);
  const fits = after - end === length;
  return fits && !isSpace(text[end - 1]) && !(mark === "_" && isWord(text[after]));
}

function readLink(text, at, find, inner) {
  const middle = find("](", at + 1);
  const end = middle < 0 ? -1 : find(")", middle + 2);
  // Another "[" before the middle: this one opens no link.
  if (end < 0 || text.slice(at + 1, middle).includes("[")) return null;
  const [, address] = /^\s*<?([^\s>]*)/.exec(text.slice(middle + 2, end));
  // An address with another scheme stays text, as on the server.
  return SAFE.test(address) ? { node: anchor(address, inner(at + 1, middle, true)), next: end + 1 } : null;
}

function readAddress(text, at, find) {
  const end = find(">", at + 1);
  if (end < 0) return null;
  const address = text.slice(at + 1, end);
  return SAFE.test(address) ? { node: anchor(address, [address.replace(/^mailto:/i, "")]), next: end + 1 } : null;
}

function readBreak(text, at) {
  const length = run(text, at, " ");
  return length >= 2 && text[at + length] === "\n" ? { node: element("br", []), next: at + length + 1 } : null;
}

const anchor = (href, children) => element("a", children, { href, rel: "noopener noreferrer" });
