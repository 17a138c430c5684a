// Small DOM helpers. Nothing here or elsewhere assigns markup strings: every node is created, every text is a text node.

import { icon } from "./icons.js";

/**
 * Creates an element. `props` keys: `class`, `text`, `data` (dataset), `on` (listeners), `style` (CSSOM properties, which the
 * Content-Security-Policy allows, unlike style attributes); everything else becomes an attribute. `false`, `null` and `undefined`
 * leave an attribute out.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "text") node.textContent = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "on") for (const [name, listener] of Object.entries(value)) node.addEventListener(name, listener);
    else if (key === "style") for (const [name, setting] of Object.entries(value)) node.style.setProperty(name, setting);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

/** Appends nodes and strings, skipping empty values. */
export function append(node, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child);
  }
  return node;
}

/** An icon-only button with an accessible name. */
export function iconButton(name, label, onClick, className = "icon-button") {
  return el("button", { type: "button", class: className, "aria-label": label, title: label, on: { click: onClick } }, icon(name));
}

/** Shorthand for `document.getElementById`. */
export const byId = (id) => document.getElementById(id);

/** Copies text; falls back to a hidden text area where the clipboard interface is missing (plain http on another host). */
export async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // The permission may be refused; the fallback below needs none.
    }
  }
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

/** Bytes in a form people read. */
export function formatSize(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`;
  return `${(bytes / 1048576).toFixed(1)} MB`;
}

/** A stable small number for a string; picks avatar colors. */
export function hash(text) {
  let value = 7;
  for (const character of text) value = (value * 31 + character.codePointAt(0)) >>> 0;
  return value;
}

/** A round avatar: a robot for bots, initials for people. */
export function avatar(kind, name) {
  if (kind === "bot") return el("span", { class: "avatar avatar-bot", "aria-hidden": "true" }, icon("bot"));
  if (kind === "group") return el("span", { class: "avatar avatar-group", "aria-hidden": "true" }, icon("group"));
  return el("span", { class: `avatar tone-${hash(name) % 6}`, "aria-hidden": "true", text: initials(name) });
}

function initials(name) {
  const parts = name.split(/[.\s_-]+/).filter(Boolean);
  if (parts.length >= 2) return (first(parts[0]) + first(parts[1])).toUpperCase();
  return [...name].slice(0, /^[\x20-\x7e]/.test(name) ? 2 : 1).join("").toUpperCase();
}

const first = (text) => [...text][0] ?? "";

let toastTimer = 0;

/** Shows a short notice at the bottom; `tone` is "info" or "error". */
export function toast(message, tone = "info") {
  const node = byId("toast");
  node.textContent = message;
  node.dataset.tone = tone;
  node.dataset.visible = "true";
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    node.dataset.visible = "false";
  }, tone === "error" ? 5000 : 2500);
}
