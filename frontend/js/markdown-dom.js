// The tree of markdown.js as DOM nodes. Text stays text: nothing here parses HTML.

/**
 * @param {import("./markdown.js").Node[]} tree
 * @param {Document} [document]
 * @returns {DocumentFragment}
 */
export function toDom(tree, document = globalThis.document) {
  const fragment = document.createDocumentFragment();
  for (const node of tree) {
    if (typeof node === "string") {
      fragment.append(node);
      continue;
    }
    const element = document.createElement(node.tag);
    for (const [name, value] of Object.entries(node.attributes ?? {})) element.setAttribute(name, value);
    element.append(toDom(node.children, document));
    fragment.append(element);
  }
  return fragment;
}
