// Inline Markdown: emphasis, code, links, images, line breaks. See markdown.js for the safety rules.

import { el } from "./dom.js";
import { icon } from "./icons.js";

const MAX_DEPTH = 6;
const MAX_LINK_TEXT = 400;
const MAX_LINK_TARGET = 2000;
const SPECIAL = /[\\`*_~[!<\n]|https?:\/\//g;
const ESCAPABLE = "\\`*_{}[]()#+-.!|~<>";
const BARE_LINK = /https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef|]{1,2000}/y;
const COLORS = new Map([["info", "font-info"], ["comment", "font-comment"], ["warning", "font-warning"]]);

/** An absolute http, https or mailto address, or null for everything else, `javascript:` and `data:` included. */
export function safeLink(target) {
  if (target.length > MAX_LINK_TARGET) return null;
  let url;
  try {
    url = new URL(target.trim());
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** An image address: http, https, the simulator's own media, or an inline raster image; null otherwise. */
export function safeImage(target) {
  if (typeof target !== "string") return null;
  if (/^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/.test(target)) return target;
  if (/^\/(?![/\\])/.test(target)) return target;
  const link = safeLink(target);
  return link && !link.startsWith("mailto:") ? link : null;
}

/** Renders inline Markdown into `parent`. */
export function renderInline(text, parent, depth = 0) {
  if (depth > MAX_DEPTH) {
    parent.append(text);
    return;
  }
  // A marker whose closing half was searched for in vain is not searched for again, which keeps the work linear.
  const state = { text, parent, depth, missing: new Set() };
  let position = 0;
  let plain = 0;
  while (position < text.length) {
    SPECIAL.lastIndex = position;
    const match = SPECIAL.exec(text);
    if (!match) break;
    const result = readSpecial(state, match.index);
    if (result) {
      if (match.index > plain) parent.append(text.slice(plain, match.index));
      parent.append(...result.nodes);
      position = result.end;
      plain = position;
    } else position = skipRun(text, match.index);
  }
  if (plain < text.length) parent.append(text.slice(plain));
}

// An emphasis run that opened nothing is skipped whole, so that its tail is not tried as a shorter marker.
function skipRun(text, start) {
  const character = text[start];
  let end = start + 1;
  if ("*_~`".includes(character)) while (text[end] === character) end += 1;
  return end;
}

function readSpecial(state, at) {
  const { text } = state;
  switch (text[at]) {
    case "\\":
      return ESCAPABLE.includes(text[at + 1] ?? "\0") ? { nodes: [text[at + 1]], end: at + 2 } : null;
    case "\n":
      return { nodes: [el("br")], end: at + 1 };
    case "`":
      return readCode(state, at);
    case "[":
      return readLink(state, at);
    case "!":
      return text[at + 1] === "[" ? readLink(state, at + 1, true) : null;
    case "<":
      return readAngle(state, at);
    case "h":
      return readBareLink(state, at);
    default:
      return readEmphasis(state, at);
  }
}

function readCode(state, at) {
  const { text, missing } = state;
  const marker = text.slice(at, skipRun(text, at));
  if (missing.has(marker)) return null;
  let end = text.indexOf(marker, at + marker.length);
  while (end >= 0) {
    const after = skipRun(text, end);
    if (after - end === marker.length) {
      const code = text.slice(at + marker.length, end).replaceAll("\n", " ");
      return { nodes: [el("code", { text: code.trim() || code })], end: after };
    }
    end = text.indexOf(marker, after);
  }
  missing.add(marker);
  return null;
}

const isSpace = (character) => character === undefined || /\s/.test(character);
const isWord = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character);

function readEmphasis(state, at) {
  const { text } = state;
  const character = text[at];
  const run = skipRun(text, at) - at;
  if (character === "~") return run === 2 ? emphasize(state, at, "~~", ["del"]) : null;
  if (character === "_" && isWord(text[at - 1])) return null;
  if (run === 3) return emphasize(state, at, character.repeat(3), ["strong", "em"]);
  if (run === 2) return emphasize(state, at, character.repeat(2), ["strong"]);
  return run === 1 ? emphasize(state, at, character, ["em"]) : null;
}

function emphasize(state, at, marker, tags) {
  const { text, depth, missing } = state;
  const start = at + marker.length;
  if (missing.has(marker) || isSpace(text[start])) return null;
  const end = findCloser(text, start, marker);
  if (end < 0) {
    missing.add(marker);
    return null;
  }
  const outer = el(tags[0]);
  const inner = tags[1] ? el(tags[1]) : outer;
  if (inner !== outer) outer.append(inner);
  renderInline(text.slice(start, end), inner, depth + 1);
  return { nodes: [outer], end: end + marker.length };
}

// A closer stands after a visible character. A single marker must not be part of a longer run, or `*a **b** c*` breaks.
function findCloser(text, start, marker) {
  let end = text.indexOf(marker, start + 1);
  while (end >= 0) {
    const runEnd = skipRun(text, end);
    const length = runEnd - end;
    const fits = marker.length === 1 ? length === 1 || length === 3 : length >= marker.length;
    const closeAt = runEnd - marker.length;
    const visible = !isSpace(text[end - 1]) && text[end - 1] !== "\\";
    if (fits && visible && !(marker[0] === "_" && isWord(text[runEnd]))) return closeAt;
    end = text.indexOf(marker, runEnd);
  }
  return -1;
}

function readLink(state, at, image = false) {
  const { text, depth } = state;
  const close = matchingBracket(text, at);
  if (close < 0 || text[close + 1] !== "(") return null;
  const end = text.indexOf(")", close + 2);
  if (end < 0 || end - close > MAX_LINK_TARGET) return null;
  const stop = balanceParentheses(text, close + 2, end);
  const target = text.slice(close + 2, stop).trim().replace(/\s+["'(][^"']*["')]?$/, "").replace(/^<(.*)>$/, "$1");
  const label = text.slice(at + 1, close);
  if (image) return imageNode(target, label, stop + 1);
  const link = safeLink(target);
  if (!link) return { nodes: [text.slice(at, stop + 1)], end: stop + 1 };
  const anchor = anchorTo(link);
  renderInline(label || link, anchor, Math.max(depth + 1, MAX_DEPTH - 1));
  for (const nested of anchor.querySelectorAll("a")) nested.replaceWith(...nested.childNodes);
  return { nodes: [anchor], end: stop + 1 };
}

function matchingBracket(text, at) {
  let depth = 0;
  const limit = Math.min(text.length, at + MAX_LINK_TEXT);
  for (let index = at; index < limit; index += 1) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === "[") depth += 1;
    else if (text[index] === "]") {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return -1;
}

// Addresses such as .../Swift_(language) contain a pair of parentheses.
function balanceParentheses(text, start, end) {
  let stop = end;
  for (let turn = 0; turn < 3; turn += 1) {
    const target = text.slice(start, stop);
    if (target.split("(").length <= target.split(")").length) return stop;
    const next = text.indexOf(")", stop + 1);
    if (next < 0 || next - start > MAX_LINK_TARGET || text.slice(stop, next).includes("\n")) return stop;
    stop = next;
  }
  return stop;
}

function anchorTo(link) {
  return el("a", { href: link, target: "_blank", rel: "noopener noreferrer nofollow" });
}

function imageNode(target, label, end) {
  const source = safeImage(target);
  if (!source || source.startsWith("/")) return { nodes: [`![${label}](${target})`], end };
  return { nodes: [picture(source, label)], end };
}

/** An image that turns into a labelled placeholder when it cannot be loaded. */
export function picture(source, label, className = "md-image") {
  const image = el("img", { src: source, alt: label || "", loading: "lazy", decoding: "async", class: className, referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => {
    image.replaceWith(el("span", { class: "image-missing" }, icon("image"), el("span", { text: label || source.slice(0, 80) })));
  });
  return image;
}

function readBareLink(state, at) {
  const { text, parent } = state;
  if (parent.closest("a")) return null;
  BARE_LINK.lastIndex = at;
  const match = BARE_LINK.exec(text);
  if (!match) return null;
  let target = match[0].replace(/[.,;:!?*_~]{1,20}$/, "");
  if (target.endsWith(")") && !target.includes("(")) target = target.slice(0, -1);
  const link = safeLink(target);
  if (!link) return null;
  const anchor = anchorTo(link);
  anchor.append(target);
  return { nodes: [anchor], end: at + target.length };
}

// Of all tags only the line break and the platform's three font colors mean something; everything else stays text.
function readAngle(state, at) {
  const { text, depth, missing } = state;
  const head = text.slice(at, at + 40);
  const lineBreak = /^<br\s{0,3}\/?>/i.exec(head);
  if (lineBreak) return { nodes: [el("br")], end: at + lineBreak[0].length };
  const font = /^<font color="(info|comment|warning)">/.exec(head);
  if (font && !missing.has("</font>")) {
    const start = at + font[0].length;
    const end = text.indexOf("</font>", start);
    if (end < 0) {
      missing.add("</font>");
      return null;
    }
    const span = el("span", { class: COLORS.get(font[1]) });
    renderInline(text.slice(start, end), span, depth + 1);
    return { nodes: [span], end: end + 7 };
  }
  const auto = /^<(https?:\/\/|mailto:)/.test(head) ? text.indexOf(">", at) : -1;
  const link = auto > 0 && auto - at < MAX_LINK_TARGET ? safeLink(text.slice(at + 1, auto)) : null;
  if (!link) return null;
  const anchor = anchorTo(link);
  anchor.append(text.slice(at + 1, auto));
  return { nodes: [anchor], end: auto + 1 };
}
