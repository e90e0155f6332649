import assert from "node:assert/strict";
import { test } from "node:test";

import { isRendered, parse } from "../../frontend/js/markdown.js";

// The tree as HTML, for the comparisons of this file only.
const write = (nodes) =>
  nodes
    .map((node) => {
      if (typeof node === "string") return node;
      const { href, start } = node.attributes ?? {};
      const attributes = `${href === undefined ? "" : ` href=${href}`}${start === undefined ? "" : ` start=${start}`}`;
      return `<${node.tag}${attributes}>${write(node.children)}</${node.tag}>`;
    })
    .join("");

const cases = {
  "a paragraph keeps its soft line breaks": ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"],
  "two spaces or a backslash break the line": ["one  \ntwo\\\nthree", "<p>one<br></br>two<br></br>three</p>"],
  "headings have six levels and may be closed": ["# A #\n###### F\n####### no", "<h1>A</h1><h6>F</h6><p>####### no</p>"],
  "a heading keeps a sign that belongs to its word": ["## C#", "<h2>C#</h2>"],
  "emphasis, strong and both": [
    "*a* __b__ ***c***",
    "<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em></p>",
  ],
  "strong may hold emphasis": ["**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"],
  "snake_case and 2 * 3 * 4 are not emphasis": ["a_b_c, 2 * 3 * 4", "<p>a_b_c, 2 * 3 * 4</p>"],
  "a mark without its end is text": ["**a and `b", "<p>**a and `b</p>"],
  "marks inside code are text": ["`**a** <b>`", "<p><code>**a** <b></code></p>"],
  "longer fences hold shorter ones": ["`` a`b ``", "<p><code>a`b</code></p>"],
  "fenced code keeps every line": ["```sh\na\n\n  b\n```\nc", "<pre><code>a\n\n  b\n</code></pre><p>c</p>"],
  "a fence that is never closed ends with the text": ["~~~\na", "<pre><code>a\n</code></pre>"],
  "lists nest": ["- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"],
  "numbers may begin anywhere": ["3. a\n4. b", "<ol start=3><li>a</li><li>b</li></ol>"],
  "a year in a sentence is no list": ["It was\n1984. Really", "<p>It was\n1984. Really</p>"],
  "a list ends where a paragraph begins": ["- a\n\nb", "<ul><li>a</li></ul><p>b</p>"],
  "quotes hold blocks": ["> # a\n> b", "<blockquote><h1>a</h1><p>b</p></blockquote>"],
  "a rule": ["a\n\n***\nb", "<p>a</p><hr></hr><p>b</p>"],
  "links": ["[the *notes*](https://example.org/a)", "<p><a href=https://example.org/a>the <em>notes</em></a></p>"],
  "addresses in angle brackets": [
    "<https://example.org> <mailto:ana@example.org>",
    "<p><a href=https://example.org>https://example.org</a> <a href=mailto:ana@example.org>ana@example.org</a></p>",
  ],
  "a link's title is left out": ['[a](http://example.org "b")', "<p><a href=http://example.org>a</a></p>"],
  "a mark after a backslash is text": ["\\*a\\* \\[b](c)", "<p>*a* [b](c)</p>"],
  "windows line ends": ["a\r\n\r\nb", "<p>a</p><p>b</p>"],
  "nothing": ["", ""],
};

for (const [fact, [text, expected]] of Object.entries(cases)) {
  test(fact, () => assert.equal(write(parse(text)), expected));
}

const walk = (nodes) => nodes.flatMap((node) => (typeof node === "string" ? [] : [node, ...walk(node.children)]));

test("HTML is text", () => {
  const [paragraph] = parse("<script>alert(1)</script> <b onclick=x>");

  assert.deepEqual(paragraph, { tag: "p", children: ["<script>alert(1)</script> <b onclick=x>"] });
});

test("only http, https and mailto become links; other addresses stay text", () => {
  const scripts = ["javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:x", "java\nscript:x", "vbscript:x"];
  const hostile = [...scripts, "data:text/html,x", "//example.org"];
  for (const address of hostile) {
    const tree = parse(`[words](${address}) <${address}>`);

    assert.deepEqual(walk(tree).filter(({ tag }) => tag === "a"), [], address);
    assert.match(write(tree), /words/);
  }
});

test("every link has rel=noopener and noreferrer", () => {
  const [link] = walk(parse("[a](https://example.org)")).filter(({ tag }) => tag === "a");

  assert.equal(link.attributes.rel, "noopener noreferrer");
});

test("the only tags are those of the stylesheet", () => {
  const known = new Set("p br h1 h2 h3 h4 h5 h6 em strong code pre ul ol li blockquote hr a".split(" "));
  const everything = Object.values(cases).map(([text]) => text).join("\n\n");

  for (const { tag } of walk(parse(everything))) assert.ok(known.has(tag), tag);
});

test("what takes the server too long is not rendered", () => {
  const rendered = ["", "x".repeat(8192), "*a*".repeat(500), "a\n".repeat(399)];
  const plain = ["x".repeat(8193), "🌊".repeat(4097), "[*".repeat(501), "a\n".repeat(400)];

  assert.deepEqual(rendered.map(isRendered), rendered.map(() => true));
  assert.deepEqual(plain.map(isRendered), plain.map(() => false));
});

test("32 KiB of the worst input is parsed within a second", () => {
  const inline = ["*a ", "**a*", "_a", "[", "[a](", "](", "`a``", "<", "\\", "![", "*_", "((", "  \n"];
  const blocks = ["> ", "- ", "# #", "1. ", "~~~", "a\n- "];
  const worst = [...inline, ...blocks];
  for (const piece of worst) {
    const text = piece.repeat(32_768 / piece.length);
    const began = performance.now();
    parse(text);
    const spaced = `# ${" ".repeat(16_000)}a${"#".repeat(16_000)}b`;
    parse(spaced);

    assert.ok(performance.now() - began < 1_000, `${JSON.stringify(piece)} took ${performance.now() - began} ms`);
  }
});
