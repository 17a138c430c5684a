// The frame inspector: a list of wire frames with filter and pause, JSON on demand.

import { el, byId, copyText, formatSize, toast, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { store } from "./store.js";

const SHOWN = 300;
const HEARTBEATS = new Set(["ping", "pong"]);

let paused = false;
let held = 0;
let heartbeats = false;
let filter = "";
const opened = new Set();

/** Wires the inspector; call once. */
export function startInspector() {
  byId("frame-filter").addEventListener("input", (event) => {
    filter = event.target.value.trim().toLowerCase();
    drawFrames();
  });
  byId("frame-pause").addEventListener("click", () => {
    paused = !paused;
    held = 0;
    drawInspector();
  });
  byId("frame-clear").addEventListener("click", () => {
    store.frames.length = 0;
    opened.clear();
    drawFrames();
  });
  byId("frame-heartbeats").addEventListener("click", () => {
    heartbeats = !heartbeats;
    drawInspector();
  });
  byId("toggle-inspector").addEventListener("click", () => showInspector(!isOpen()));
  byId("close-inspector").addEventListener("click", () => showInspector(false));
  byId("inspector-shade").addEventListener("click", () => showInspector(false));
  byId("inspector").addEventListener("keydown", (event) => {
    if (event.key === "Escape") showInspector(false);
  });
  startTabs();
  showInspector(matchMedia("(min-width: 1100px)").matches, false);
}

const isOpen = () => document.body.classList.contains("inspector-open");

/** Opens or closes the panel; on a phone it is a sheet over the chat. */
export function showInspector(open, moveFocus = true) {
  document.body.classList.toggle("inspector-open", open);
  byId("toggle-inspector").setAttribute("aria-expanded", String(open));
  byId("inspector").inert = !open;
  byId("frames").scrollTop = byId("frames").scrollHeight;
  if (!moveFocus) return;
  (open ? byId("tab-frames") : byId("toggle-inspector")).focus();
}

function startTabs() {
  const tabs = [byId("tab-frames"), byId("tab-controls")];
  const select = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      byId(other.getAttribute("aria-controls")).hidden = !chosen;
    }
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      const next = tabs[(index + 1) % tabs.length];
      select(next);
      next.focus();
    });
  });
  select(tabs[0]);
}

/** Draws buttons and list. */
export function drawInspector() {
  const label = t(paused ? "resume" : "pause");
  byId("frame-pause").replaceChildren(icon(paused ? "play" : "pause"));
  byId("frame-pause").setAttribute("aria-pressed", String(paused));
  byId("frame-pause").setAttribute("aria-label", label);
  byId("frame-pause").title = label;
  byId("frame-heartbeats").setAttribute("aria-pressed", String(heartbeats));
  drawFrames();
}

function matches(frame) {
  const isHeartbeat = HEARTBEATS.has(frame.command) || HEARTBEATS.has(frame.answers);
  if (isHeartbeat && !heartbeats) return false;
  if (filter === "") return true;
  return frame.text.toLowerCase().includes(filter) || (frame.answers ?? "").toLowerCase().includes(filter);
}

function drawFrames() {
  const visible = store.frames.filter(matches).slice(-SHOWN);
  byId("frames").replaceChildren(...visible.map(row));
  drawEmpty(visible.length);
  byId("frames").scrollTop = byId("frames").scrollHeight;
}

function drawEmpty(count) {
  byId("frames-empty").hidden = count > 0;
  byId("frames-empty").textContent = t(store.frames.length === 0 ? "noFrames" : "noMatch");
  byId("frames-held").hidden = !paused;
  byId("frames-held").textContent = t("paused", { n: held });
}

/** Shows new frames, unless paused. */
export function showFrames(list) {
  if (paused) {
    held += list.length;
    drawEmpty(byId("frames").childElementCount);
    return;
  }
  const box = byId("frames");
  const atEnd = box.scrollHeight - box.clientHeight - box.scrollTop < 60;
  for (const frame of list) if (matches(frame)) box.append(row(frame));
  while (box.childElementCount > SHOWN) box.firstElementChild.remove();
  drawEmpty(box.childElementCount);
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function timeOf(frame) {
  const date = new Date(frame.time);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function row(frame) {
  const fromBot = frame.direction === "in";
  const direction = t(fromBot ? "fromBot" : "toBot");
  const name = frame.isAck ? `${t("ack")}${frame.answers ? ` · ${short(frame.answers)}` : ""}` : short(frame.command) || "?";
  const code = frame.errcode === null ? null : el("span", { class: `errcode ${frame.errcode === 0 ? "ok" : "bad"}`, text: String(frame.errcode) });
  const head = el("button", { type: "button", class: "frame-head", "aria-expanded": String(opened.has(frame.seq)), title: `${direction}: ${frame.command || frame.answers || ""}` },
    el("span", { class: "frame-arrow", role: "img", "aria-label": direction }, icon("right")),
    el("span", { class: "frame-main" },
      el("span", { class: "frame-name" }, el("b", { text: name }), frame.kind ? el("span", { class: "frame-kind", text: frame.kind }) : null, code),
      el("span", { class: "frame-meta" }, el("span", { class: "frame-id", text: frame.reqId || "-" }), el("span", { text: formatSize(frame.size) }), el("span", { text: timeOf(frame) }))));
  const node = el("li", { class: `frame ${fromBot ? "frame-in" : "frame-out"}${frame.isAck ? " frame-ack" : ""}`, data: { seq: frame.seq, cmd: frame.command || "ack", errcode: frame.errcode ?? "" } }, head);
  head.addEventListener("click", () => toggle(frame, node, head));
  if (opened.has(frame.seq)) node.append(detail(frame));
  return node;
}

const short = (command) => command.replace(/^aibot_/, "");

function toggle(frame, node, head) {
  const open = !opened.has(frame.seq);
  if (open) {
    opened.add(frame.seq);
    node.append(detail(frame));
    node.scrollIntoView({ block: "nearest" });
  } else {
    opened.delete(frame.seq);
    node.querySelector(".frame-detail")?.remove();
  }
  head.setAttribute("aria-expanded", String(open));
}

function detail(frame) {
  const code = el("code");
  colorJson(pretty(frame.text), code);
  const copy = iconButton("copy", t("raw"), async () => {
    if (await copyText(frame.text)) toast(t("copied"));
  }, "frame-copy icon-button");
  return el("div", { class: "frame-detail" }, copy, el("pre", { tabindex: "0" }, code));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;

function colorJson(text, code) {
  let position = 0;
  for (const match of text.matchAll(JSON_TOKEN)) {
    code.append(text.slice(position, match.index));
    const kind = match[1] ? (match[2] ? "key" : "string") : match[3] ? "keyword" : "number";
    code.append(el("span", { class: `token-${kind}`, text: match[1] ?? match[0] }), match[2] ?? "");
    position = match.index + match[0].length;
  }
  code.append(text.slice(position));
}
