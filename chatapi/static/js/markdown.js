"use strict";
// Markdown as DOM nodes: what a model says only ever becomes text nodes and a few known elements.

const INLINE = /(`+)([\s\S]+?)\1|\*\*([\s\S]+?)\*\*|(?<![*\w])\*([^*\n]+?)\*(?!\w)|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/;

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function inline(text) {
  const found = text.match(INLINE);
  if (!found) return [text];
  const [whole, , code, strong, em, label, address] = found;
  let made;
  if (code !== undefined) made = element("code", code.trim());
  else if (strong !== undefined) made = element("strong", ...inline(strong));
  else if (em !== undefined) made = element("em", ...inline(em));
  else {
    made = element("a", label);
    made.href = address;
    made.target = "_blank";
    made.rel = "noopener noreferrer nofollow";
  }
  return [text.slice(0, found.index), made, ...inline(text.slice(found.index + whole.length))];
}

function codeBlock(lines, labels) {
  const code = element("code", lines.join("\n"));
  const button = element("button", labels.copy);
  button.type = "button";
  button.className = "copy";
  button.addEventListener("click", async () => {
    await copyText(code.textContent); // of site.js
    button.textContent = labels.copied;
    setTimeout(() => {
      button.textContent = labels.copy;
    }, 1500);
  });
  const box = element("div", button, element("pre", code));
  box.className = "code";
  return box;
}

const isTableRow = (line) => line !== undefined && /^\s*\|.*\|\s*$/.test(line);
const cells = (line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim());

function table(rows) {
  const head = element("tr", ...cells(rows[0]).map((cell) => element("th", ...inline(cell))));
  const body = rows.slice(2).map((row) => element("tr", ...cells(row).map((cell) => element("td", ...inline(cell)))));
  return element("table", element("thead", head), element("tbody", ...body));
}

/** A list of nodes for a text; `labels` are { copy, copied }. */
function renderMarkdown(text, labels) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const nodes = [];
  let at = 0;
  const take = (test) => {
    const taken = [];
    while (at < lines.length && test(lines[at])) taken.push(lines[at++]);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = line.match(/^\s*(`{3,}|~{3,})/);
    if (fence) {
      at++;
      const inside = take((next) => !next.trim().startsWith(fence[1]));
      at++;
      nodes.push(codeBlock(inside, labels));
    } else if (!line.trim()) {
      at++;
    } else if (/^#{1,6}\s/.test(line)) {
      at++;
      const level = Math.min(line.match(/^#+/)[0].length + 1, 6);
      nodes.push(element(`h${level}`, ...inline(line.replace(/^#+\s+/, ""))));
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      at++;
      nodes.push(element("hr"));
    } else if (/^\s*>/.test(line)) {
      const quoted = take((next) => /^\s*>/.test(next)).map((next) => next.replace(/^\s*>\s?/, ""));
      nodes.push(element("blockquote", ...renderMarkdown(quoted.join("\n"), labels)));
    } else if (isTableRow(line) && /^[\s|:-]+$/.test(lines[at + 1] ?? "")) {
      nodes.push(table(take(isTableRow)));
    } else if (/^\s*([-*+]|\d+[.)])\s/.test(line)) {
      const isOrdered = /^\s*\d/.test(line);
      const entries = take((next) => /^\s*([-*+]|\d+[.)])\s/.test(next) || (/^\s{2,}\S/.test(next) && !/^\s*(`{3,})/.test(next)));
      const items = [];
      for (const entry of entries) {
        if (/^\s*([-*+]|\d+[.)])\s/.test(entry)) items.push(entry.replace(/^\s*([-*+]|\d+[.)])\s+/, ""));
        else items[items.length - 1] += `\n${entry.trim()}`;
      }
      nodes.push(element(isOrdered ? "ol" : "ul", ...items.map((item) => element("li", ...inline(item)))));
    } else {
      const isPlain = (next) => next.trim() && !/^(\s*(`{3,}|~{3,})|#{1,6}\s|\s*>|\s*([-*+]|\d+[.)])\s)/.test(next);
      const taken = take(isPlain);
      if (!taken.length) taken.push(lines[at++]);
      nodes.push(element("p", ...inline(taken.join("\n"))));
    }
  }
  return nodes;
}
