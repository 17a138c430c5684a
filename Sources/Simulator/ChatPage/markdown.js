// Markdown to DOM nodes. Blocks here, inline text in markdown-inline.js.
//
// Safety: no markup string is built or parsed. Text becomes text nodes, only the elements named in these two files can appear, and
// link targets pass `safeLink`. Work is linear in the input; nesting is bounded. An unclosed fence, table or emphasis, which every
// growing stream contains, gives the most likely final look.

import { el, copyText } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { highlight } from "./highlight.js";
import { renderInline } from "./markdown-inline.js";

const MAX_DEPTH = 8;
const MAX_CELLS = 64;

const indentOf = (line) => line.length - line.trimStart().length;
const isBlank = (line) => line.trim() === "";

function fenceOf(line) {
  const match = /^ {0,3}(`{3,}|~{3,})([^`]*)$/.exec(line);
  return match ? { marker: match[1], language: match[2].trim().split(/\s/, 1)[0].slice(0, 24) } : null;
}

function closesFence(line, marker) {
  const text = line.trim();
  return text.length >= marker.length && text.startsWith(marker) && text.split(marker[0]).every((rest) => rest === "");
}

function headingOf(line) {
  const match = /^ {0,3}(#{1,6})(?=\s|$)/.exec(line);
  if (!match) return null;
  let end = line.trimEnd();
  while (end.endsWith("#") && end.length > match[0].length) end = end.slice(0, -1);
  return { level: match[1].length, text: end.slice(match[0].length).trim() };
}

function isRule(line) {
  if (line.length > 120 || indentOf(line) > 3) return false;
  const text = line.replaceAll(" ", "");
  return text.length >= 3 && "-*_".includes(text[0]) && text.split(text[0]).every((rest) => rest === "");
}

/** The marker of a list item, or null. */
function itemOf(line) {
  const match = /^( *)([-*+]|\d{1,9}[.)])( {1,4}|$)/.exec(line);
  if (!match || isRule(line)) return null;
  const ordered = match[2].length > 1;
  return { indent: match[1].length, ordered, start: ordered ? Number.parseInt(match[2], 10) : 1, width: match[0].length };
}

function cellsOf(line) {
  let text = line.trim();
  if (text.startsWith("|")) text = text.slice(1);
  if (text.endsWith("|") && !text.endsWith("\\|")) text = text.slice(0, -1);
  const cells = [];
  let current = "";
  let code = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === "`") code = !code;
    if (character === "\\" && text[index + 1] === "|") {
      current += "|";
      index += 1;
    } else if (character === "|" && !code && cells.length < MAX_CELLS) {
      cells.push(current.trim());
      current = "";
    } else current += character;
  }
  cells.push(current.trim());
  return cells;
}

function tableAlignments(line) {
  if (line === undefined || line.length > 4000 || !line.includes("-") || !/^[\s|:-]+$/.test(line)) return null;
  const cells = cellsOf(line);
  if (!cells.every((cell) => /^:?-+:?$/.test(cell))) return null;
  return cells.map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left"));
}

const startsTable = (lines, index) => lines[index].includes("|") && tableAlignments(lines[index + 1]) !== null;
const startsQuote = (line) => /^ {0,3}>/.test(line);

function startsBlock(lines, index) {
  const line = lines[index];
  return (
    fenceOf(line) !== null || headingOf(line) !== null || isRule(line) || startsQuote(line) || itemOf(line) !== null ||
    startsTable(lines, index)
  );
}

/** Splits text into blocks: `[{type, lines, ...}]`. */
export function parseBlocks(text) {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").replaceAll("\t", "    ").split("\n");
  return blocksOf(lines, 0);
}

function blocksOf(lines, depth) {
  const blocks = [];
  let index = 0;
  while (index < lines.length) {
    if (isBlank(lines[index])) {
      index += 1;
      continue;
    }
    const [block, next] = readBlock(lines, index, depth);
    block.lines = lines.slice(index, next);
    blocks.push(block);
    index = next;
  }
  return blocks;
}

function readBlock(lines, index, depth) {
  const line = lines[index];
  const fence = fenceOf(line);
  if (fence) return readFence(lines, index, fence);
  const heading = headingOf(line);
  if (heading) return [{ type: "heading", ...heading }, index + 1];
  if (isRule(line)) return [{ type: "rule" }, index + 1];
  if (depth < MAX_DEPTH && startsQuote(line)) return readQuote(lines, index, depth);
  if (startsTable(lines, index)) return readTable(lines, index);
  if (depth < MAX_DEPTH && itemOf(line)) return readList(lines, index, depth);
  return readParagraph(lines, index);
}

function readFence(lines, index, fence) {
  const indent = indentOf(lines[index]);
  const body = [];
  let next = index + 1;
  while (next < lines.length && !closesFence(lines[next], fence.marker)) {
    body.push(lines[next].slice(Math.min(indent, indentOf(lines[next]))));
    next += 1;
  }
  const closed = next < lines.length;
  return [{ type: "code", language: fence.language, text: body.join("\n"), closed }, closed ? next + 1 : next];
}

function readQuote(lines, index, depth) {
  const body = [];
  let next = index;
  while (next < lines.length && !isBlank(lines[next])) {
    if (startsQuote(lines[next])) body.push(lines[next].replace(/^ {0,3}> ?/, ""));
    else if (startsBlock(lines, next)) break;
    else body.push(lines[next]);
    next += 1;
  }
  return [{ type: "quote", blocks: blocksOf(body, depth + 1) }, next];
}

function readTable(lines, index) {
  const alignments = tableAlignments(lines[index + 1]);
  const rows = [];
  let next = index + 2;
  while (next < lines.length && !isBlank(lines[next]) && lines[next].includes("|")) {
    rows.push(cellsOf(lines[next]));
    next += 1;
  }
  return [{ type: "table", head: cellsOf(lines[index]), alignments, rows }, next];
}

function readList(lines, index, depth) {
  const first = itemOf(lines[index]);
  const items = [];
  let next = index;
  while (next < lines.length) {
    const item = itemOf(lines[next]);
    if (!item || item.ordered !== first.ordered || Math.abs(item.indent - first.indent) > 1) break;
    const [body, after] = readItem(lines, next, item);
    items.push(blocksOf(body, depth + 1));
    next = after;
    let ahead = next;
    while (ahead < lines.length && isBlank(lines[ahead])) ahead += 1;
    if (ahead < lines.length && itemOf(lines[ahead])) next = ahead;
  }
  return [{ type: "list", ordered: first.ordered, start: first.start, items }, next];
}

// Deeper lines belong to the item from two columns on: models indent by two, three or four, whatever the marker's width.
function readItem(lines, index, item) {
  const body = [lines[index].slice(item.width)];
  let next = index + 1;
  while (next < lines.length) {
    const line = lines[next];
    if (isBlank(line)) {
      let ahead = next;
      while (ahead < lines.length && isBlank(lines[ahead])) ahead += 1;
      if (ahead >= lines.length || indentOf(lines[ahead]) < item.indent + 2) return [body, next];
      for (; next < ahead; next += 1) body.push("");
      continue;
    }
    const indent = indentOf(line);
    if (indent < item.indent + 2 && (startsBlock(lines, next) || isBlank(lines[next - 1]))) break;
    body.push(line.slice(Math.min(indent, item.width)));
    next += 1;
  }
  return [body, next];
}

function readParagraph(lines, index) {
  let next = index + 1;
  while (next < lines.length && !isBlank(lines[next]) && !startsBlock(lines, next)) next += 1;
  return [{ type: "paragraph", text: lines.slice(index, next).map((line) => line.trim()).join("\n") }, next];
}

/** Renders one block to a node. */
export function renderBlock(block) {
  switch (block.type) {
    case "heading":
      return inlineElement(`h${block.level}`, block.text, { class: "md-heading" });
    case "rule":
      return el("hr");
    case "code":
      return renderCode(block);
    case "quote":
      return el("blockquote", {}, block.blocks.map(renderBlock));
    case "table":
      return renderTable(block);
    case "list":
      return renderList(block);
    default:
      return inlineElement("p", block.text);
  }
}

function inlineElement(tag, text, props = {}) {
  const node = el(tag, props);
  renderInline(text, node);
  return node;
}

function renderCode(block) {
  const code = el("code", {});
  highlight(block.text, block.language, code);
  const copy = el("button", { type: "button", class: "code-copy", "aria-label": t("copyCode") }, icon("copy"), el("span", { text: t("copy") }));
  copy.addEventListener("click", async () => {
    if (!(await copyText(block.text))) return;
    copy.replaceChildren(icon("check"), el("span", { text: t("copied") }));
    setTimeout(() => copy.replaceChildren(icon("copy"), el("span", { text: t("copy") })), 1600);
  });
  const head = el("div", { class: "code-head" }, el("span", { class: "code-language", text: block.language || "text" }), copy);
  return el("div", { class: "code-block" }, head, el("pre", { tabindex: "0", "aria-label": t("codeBlock") }, code));
}

function renderTable(block) {
  const cell = (tag, text, column) => inlineElement(tag, text, { class: `align-${block.alignments[column] ?? "left"}` });
  const head = el("tr", {}, block.head.map((text, column) => cell("th", text, column)));
  const rows = block.rows.map((row) => el("tr", {}, block.head.map((_, column) => cell("td", row[column] ?? "", column))));
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, rows));
  return el("div", { class: "table-scroll", role: "region", tabindex: "0", "aria-label": t("tableBlock") }, table);
}

function renderList(block) {
  const list = el(block.ordered ? "ol" : "ul", block.ordered && block.start !== 1 ? { start: block.start } : {});
  for (const blocks of block.items) list.append(renderItem(blocks));
  return list;
}

function renderItem(blocks) {
  const item = el("li");
  const [head, ...rest] = blocks;
  if (head?.type === "paragraph") {
    const task = /^\[([ xX])\] /.exec(head.text);
    if (task) {
      item.className = "task";
      const done = task[1] !== " ";
      const box = { class: "task-box", role: "img", data: { done: String(done) }, "aria-label": t(done ? "taskDone" : "taskOpen") };
      item.append(el("span", box, done ? icon("check") : null));
    }
    const line = el("span", { class: "item-text" });
    renderInline(task ? head.text.slice(4) : head.text, line);
    item.append(line);
  } else if (head) item.append(renderBlock(head));
  for (const block of rest) item.append(renderBlock(block));
  return item;
}

/**
 * Brings `container` up to date with `text`. Blocks that did not change keep their nodes, so a growing stream keeps selections,
 * scroll positions of tables and code, and does not flicker.
 */
export function renderMarkdown(text, container) {
  const blocks = parseBlocks(text);
  const old = container.markdownBlocks ?? [];
  const kept = [];
  blocks.forEach((block, index) => {
    const key = `${block.type}\n${block.lines.join("\n")}`;
    const previous = old[index];
    if (previous?.key === key && previous.node.parentNode === container) {
      kept.push(previous);
      return;
    }
    const node = renderBlock(block);
    if (previous?.node.parentNode === container) previous.node.replaceWith(node);
    else container.append(node);
    kept.push({ key, node });
  });
  for (const extra of old.slice(blocks.length)) extra.node.remove();
  container.markdownBlocks = kept;
}

/** Splits an answer into visible text and `<think>` sections: `[{type: "text"|"think", text, open}]`. */
export function splitThinking(content) {
  const parts = [];
  let position = 0;
  while (position < content.length) {
    const start = content.indexOf("<think>", position);
    if (start < 0) break;
    if (start > position) parts.push({ type: "text", text: content.slice(position, start) });
    const end = content.indexOf("</think>", start);
    const open = end < 0;
    parts.push({ type: "think", text: content.slice(start + 7, open ? content.length : end), open });
    position = open ? content.length : end + 8;
  }
  if (position < content.length) parts.push({ type: "text", text: content.slice(position) });
  return parts.filter((part) => isVisible(part.text));
}

/** False for text that a reader cannot see: white space and zero-width characters. */
export const isVisible = (text) => /[^\s\u200b-\u200f\u2060\ufeff\u00ad]/.test(text);
