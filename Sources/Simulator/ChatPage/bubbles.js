// One chat entry: bubble, quote, media, think sections, markers and the row of actions. A view is created once and updated in place.

import { el, avatar, iconButton, copyText, formatSize, toast } from "./dom.js";
import { icon } from "./icons.js";
import { t, clockTime } from "./i18n.js";
import { store, userName, botOf, entryById, emit, hasChoice } from "./store.js";
import { renderMarkdown, splitThinking, isVisible } from "./markdown.js";
import { renderInline, safeImage, picture } from "./markdown-inline.js";
import { renderCard } from "./cards.js";
import { feedbackButtons } from "./feedback.js";

const RICH_KINDS = new Set(["stream", "markdown"]);
const ICONS = { image: "image", file: "file", video: "video", voice: "mic" };

/** The name shown over an entry. */
export function senderName(entry) {
  if (entry.from === "bot") return botOf(store.bot)?.name || entry.sender || store.bot || "";
  return userName(entry.sender);
}

/** A one-line description of an entry, for quotes and conversation previews. */
export function summary(entry) {
  if (!entry) return "";
  if (entry.kind === "card") return `[${t("card")}] ${entry.card?.main_title?.title ?? entry.card?.sub_title_text ?? ""}`;
  const visible = splitThinking(entry.content ?? "").filter((part) => part.type === "text").map((part) => part.text).join(" ");
  const text = visible.replace(/[#*_`>|~-]{1,8}/g, " ").replace(/\s+/g, " ").trim().slice(0, 120);
  if (text !== "") return entry.kind === "voice" ? `[${t("voice")}] ${text}` : text;
  if (entry.items?.length) return entry.items.map((item) => item.text ?? item.content ?? `[${t("image")}]`).join(" ").slice(0, 120);
  if (entry.media) return `[${t(ICONS[entry.kind] ? entry.kind : "file")}] ${entry.media.name ?? ""}`;
  if (entry.kind === "voice") return `[${t("voice")}]`;
  return entry.kind === "stream" ? "…" : "";
}

/** Creates the view of an entry: `{node, update(entry)}`. */
export function createView(entry) {
  if (entry.kind === "event") return createNotice(entry);
  const view = { entry: null, parts: [], foldedByReader: new Set(), cardText: "" };
  view.node = el("article", { class: "message" });
  view.bubble = el("div", { class: "bubble" });
  view.flags = el("div", { class: "flags" });
  view.actions = el("div", { class: "actions" });
  view.head = el("div", { class: "message-head" });
  const side = el("div", { class: "message-side" }, avatar(entry.from === "bot" ? "bot" : "user", senderName(entry)));
  view.node.append(side, el("div", { class: "message-main" }, view.head, view.bubble, view.flags, view.actions));
  view.update = (next) => updateView(view, next);
  view.update(entry);
  return view;
}

function createNotice(entry) {
  const text = el("span", { class: "bubble bubble-notice", data: { entry: entry.id, from: entry.from, finished: "true", kind: "event" } });
  const node = el("div", { class: "notice" }, text);
  const update = (next) => {
    text.textContent = next.content ?? "";
  };
  update(entry);
  return { node, update, entry };
}

function updateView(view, entry) {
  view.entry = entry;
  const mine = entry.from === "user" && entry.sender === store.user;
  const flags = `${isVotable(entry) ? " votable" : ""}${view.node.classList.contains("continued") ? " continued" : ""}`;
  view.node.className = `message ${mine ? "mine" : "theirs"} from-${entry.from} kind-${entry.kind}${flags}`;
  view.node.setAttribute("aria-label", `${senderName(entry)}, ${clockTime(entry.time)}`);
  const time = el("time", { datetime: new Date(entry.time).toISOString(), text: clockTime(entry.time) });
  const badge = entry.via && hasChoice() ? el("span", { class: "via", data: { via: entry.via }, title: t("sentBy", { name: t(entry.via) }), text: t(entry.via) }) : null;
  view.head.replaceChildren(...[el("span", { class: "sender", text: senderName(entry) }), time, badge].filter(Boolean));
  const { bubble } = view;
  Object.assign(bubble.dataset, {
    entry: entry.id, from: entry.from, finished: String(Boolean(entry.finished)), kind: entry.kind,
    waiting: String(isWaiting(entry)), broken: String(Boolean(entry.broken)), expired: String(Boolean(entry.expired)),
  });
  bubble.setAttribute("aria-busy", String(!entry.finished && !entry.expired));
  if (entry.recalled) recall(view);
  else if (RICH_KINDS.has(entry.kind) && !entry.card) updateRich(view, entry);
  else if (entry.card) updateCard(view, entry);
  else bubble.replaceChildren(...plainContent(entry));
  updateFlags(view, entry);
  updateActions(view, entry);
}

function recall(view) {
  view.parts = [];
  view.cardText = "";
  view.bubble.replaceChildren(el("span", { class: "muted", text: t("recalled") }));
}

/** True while the bubble has nothing to show yet. */
export function isWaiting(entry) {
  if (entry.kind !== "stream" || entry.broken || entry.expired) return false;
  if (entry.waiting) return true;
  return !entry.finished && splitThinking(entry.content ?? "").length === 0;
}

// Streams

function updateRich(view, entry) {
  const { bubble } = view;
  if (entry.broken || isWaiting(entry)) {
    const mark = entry.broken ? el("span", { class: "spinner" }) : el("span", { class: "dots" }, el("i"), el("i"), el("i"));
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", t(entry.broken ? "broken" : "waiting"));
    bubble.replaceChildren(mark);
    view.parts = [];
    return;
  }
  const parts = splitThinking(entry.content ?? "");
  const kept = [];
  parts.forEach((part, index) => {
    const old = view.parts[index];
    const target = old?.type === part.type ? old : createPart(view, part.type, index);
    updatePart(view, target, part, index, entry);
    kept.push(target);
  });
  const nodes = [...quoteNodes(view, entry), ...kept.map((part) => part.node), ...itemNodes(view, entry)];
  if (nodes.length !== bubble.children.length || nodes.some((node, index) => bubble.children[index] !== node)) bubble.replaceChildren(...nodes);
  view.parts = kept;
}

// Quote and pictures change seldom, so their nodes are kept until they do.
function quoteNodes(view, entry) {
  const text = JSON.stringify(entry.quote ?? null);
  if (view.quoteText !== text) Object.assign(view, { quoteText: text, quoteNodes: entry.quote ? [quoteBlock(entry.quote)] : [] });
  return view.quoteNodes;
}

function itemNodes(view, entry) {
  const text = JSON.stringify(entry.items ?? []);
  if (view.itemText !== text) Object.assign(view, { itemText: text, itemNodes: (entry.items ?? []).map(itemBlock) });
  return view.itemNodes;
}

function createPart(view, type, index) {
  const body = el("div", { class: "md" });
  if (type === "text") return { type, node: body, body };
  const label = el("span", { class: "think-label" });
  const top = el("summary", {}, icon("brain"), label, icon("chevron"));
  const node = el("details", { class: "think" }, top, body);
  top.addEventListener("click", () => view.foldedByReader.add(index));
  return { type, node, body, label };
}

function updatePart(view, target, part, index, entry) {
  renderMarkdown(part.text, target.body);
  if (part.type !== "think") return;
  const active = part.open && !entry.finished && !entry.expired;
  target.label.textContent = t(active ? "thinking" : "thought");
  target.node.classList.toggle("active", active);
  if (!view.foldedByReader.has(index)) target.node.open = active;
}

// Cards

function updateCard(view, entry) {
  const text = JSON.stringify(entry.card);
  if (text === view.cardText) return;
  const redrawn = view.cardText !== "";
  view.cardText = text;
  const card = renderCard(entry);
  if (redrawn) card.classList.add("redrawn");
  view.bubble.replaceChildren(...(entry.content && isVisible(entry.content) ? plainContent({ ...entry, card: null }) : []), card);
}

// Everything else

function plainContent(entry) {
  const nodes = [];
  if (entry.quote) nodes.push(quoteBlock(entry.quote));
  if (entry.kind === "voice") nodes.push(voiceBlock(entry));
  else if (entry.items?.length) for (const item of entry.items) nodes.push(itemBlock(item));
  else {
    if (entry.media) nodes.push(mediaBlock(entry.media, entry.kind));
    if (entry.content) nodes.push(textBlock(entry.content));
  }
  if (nodes.length === 0) nodes.push(el("span", { class: "muted" }, icon("question"), ` ${t("unknownType")}`));
  return nodes;
}

// Text of people is shown as typed; only addresses become links.
function textBlock(text) {
  const node = el("div", { class: "plain" });
  const pieces = text.split(/(https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef]{1,2000})/);
  pieces.forEach((piece, index) => {
    if (index % 2 === 1) renderInline(piece, node);
    else if (piece !== "") node.append(piece);
  });
  return node;
}

function itemBlock(item) {
  const type = item.type ?? item.msgtype;
  if (item.media && type !== "text") return mediaBlock(item.media, type ?? "image");
  return textBlock(String(item.text?.content ?? item.text ?? item.content ?? ""));
}

function voiceBlock(entry) {
  const bars = el("span", { class: "voice-bars", "aria-hidden": "true" }, Array.from({ length: 14 }, () => el("i")));
  const head = el("div", { class: "voice" }, icon("mic"), bars, el("span", { class: "visually-hidden", text: t("voice") }));
  const text = isVisible(entry.content ?? "") ? textBlock(entry.content) : el("span", { class: "muted", text: t("noTranscript") });
  const media = entry.media?.url ? fileChip(entry.media, "voice") : null;
  return el("div", { class: "voice-block" }, head, media ?? text);
}

function mediaBlock(media, kind) {
  const source = safeImage(media.url ?? "");
  if (kind === "image" && source) {
    const image = picture(source, media.name ?? t("image"), "photo");
    return el("a", { class: "photo-link", href: source, target: "_blank", rel: "noopener noreferrer", "aria-label": media.name ?? t("image") }, image);
  }
  if (kind === "video" && source && !source.startsWith("data:")) {
    return el("div", { class: "video-block" }, el("video", { src: source, controls: true, preload: "metadata", playsinline: true }), fileChip(media, kind));
  }
  return fileChip(media, kind);
}

function fileChip(media, kind) {
  const name = media.name || t(ICONS[kind] ? kind : "file");
  const extension = /\.([A-Za-z0-9]{1,5})$/.exec(name)?.[1]?.toUpperCase();
  const badge = el("span", { class: `file-badge type-${(extension ?? "").toLowerCase()}` }, extension ? extension : icon(ICONS[kind] ?? "file"));
  const text = el("span", { class: "file-text" }, el("b", { text: name }), el("small", { text: formatSize(media.size) }));
  const source = safeImage(media.url ?? "");
  if (!source) return el("div", { class: "file" }, badge, text);
  return el("a", { class: "file", href: source, download: name, "aria-label": t("download", { name }) }, badge, text, icon("download"));
}

/** The grey block over a message that quotes another. */
export function quoteBlock(quote) {
  const original = quote.entry ? entryById(quote.entry) : null;
  const text = quote.text?.content ?? quote.text ?? quote.content ?? summary(original) ?? "";
  const type = quote.type ?? quote.msgtype ?? "text";
  const label = ICONS[type] && type !== "text" ? icon(ICONS[type]) : null;
  const name = original ? el("b", { text: `${senderName(original)}: ` }) : null;
  return el("div", { class: "quote" }, label, name, el("span", { text: String(text) || `[${t(ICONS[type] ? type : "file")}]` }));
}

// Markers and actions

const isVotable = (entry) => entry.from === "bot" && Boolean(entry.finished && entry.feedbackId && !entry.broken);

function updateFlags(view, entry) {
  const flags = [];
  if (entry.broken) flags.push(flag("warn", "danger", t("broken")));
  if (entry.expired) flags.push(flag("clock", "warning", t("expired")));
  if (entry.cutBytes) flags.push(flag("warn", "warning", t("cut", { n: entry.cutBytes })));
  view.flags.replaceChildren(...flags);
}

const flag = (name, tone, text) => el("span", { class: `flag flag-${tone}`, role: "note" }, icon(name), el("span", { text }));

function updateActions(view, entry) {
  const state = `${entry.finished}|${entry.feedbackId ?? ""}|${store.feedback.get(entry.id)?.type ?? ""}|${document.documentElement.lang}`;
  if (view.actionState === state) return;
  view.actionState = state;
  const buttons = [];
  if (isVotable(entry)) buttons.push(...feedbackButtons(view));
  if (!entry.card && entry.finished !== false) buttons.push(iconButton("copy", t("copy"), () => copyEntry(view.entry), "action"));
  buttons.push(iconButton("reply", t("quote"), () => emit("quote", view.entry), "action action-quote"));
  view.actions.replaceChildren(...buttons);
}

async function copyEntry(entry) {
  const text = splitThinking(entry.content ?? "").filter((part) => part.type === "text").map((part) => part.text).join("\n");
  if (await copyText(text.trim() || summary(entry))) toast(t("copied"));
}
