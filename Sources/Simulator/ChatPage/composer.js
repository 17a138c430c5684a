// The composer: text, attachments, quote, mention, example phrases and the rarer message types.

import { el, byId, iconButton, formatSize, toast } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { api } from "./api.js";
import { store, on, hasChoice, currentVia } from "./store.js";
import { senderName, summary } from "./bubbles.js";

const MAX_FILE_BYTES = 20 * 1024 * 1024;
const MAX_FILES = 9;
const MAX_HEIGHT = 180;
const PHRASES = ["help", "long", "table", "code", "slow", "fail"];

let attachments = [];
let quoted = null;
let mention = true;

const input = () => byId("composer");

/** Wires the composer; call once. */
export function startComposer() {
  input().addEventListener("keydown", onKey);
  input().addEventListener("input", resize);
  input().addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) {
      event.preventDefault();
      addFiles(event.clipboardData.files);
    }
  });
  byId("composer-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sendComposed("text");
  });
  byId("mention").addEventListener("click", () => {
    mention = !mention;
    drawComposer();
  });
  startMenu();
  startFiles();
  on("quote", setQuote);
  on("ask", (text) => sendText(text));
  drawComposer();
}

function onKey(event) {
  if (event.key === "Escape" && quoted) setQuote(null);
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  sendComposed("text");
}

function resize() {
  const area = input();
  area.style.setProperty("height", "auto");
  area.style.setProperty("height", `${Math.min(area.scrollHeight, MAX_HEIGHT)}px`);
  byId("send").disabled = !store.bot || !store.user || (area.value.trim() === "" && attachments.length === 0);
}

/** Draws what depends on the conversation or the language. */
export function drawComposer() {
  input().placeholder = t(store.group ? "placeholderGroup" : "placeholder");
  input().setAttribute("aria-label", input().placeholder);
  const button = byId("mention");
  button.hidden = !store.group;
  button.setAttribute("aria-pressed", String(mention));
  button.title = t(mention ? "mention" : "mentionOff");
  button.replaceChildren(el("span", { text: t("mention") }));
  const chips = PHRASES.map((phrase) => {
    const chip = el("button", { type: "button", class: "chip", title: phrase, data: { phrase }, text: t(phrase) });
    chip.addEventListener("click", () => sendText(phrase));
    return chip;
  });
  byId("examples").replaceChildren(...chips);
  byId("examples").setAttribute("aria-label", t("examples"));
  for (const item of byId("attach-menu").querySelectorAll("[data-action]")) {
    item.replaceChildren(icon(item.dataset.symbol), el("span", { text: t(item.dataset.action) }));
  }
  drawQuote();
  drawAttachments();
}

/** Forgets what belongs to the conversation that was left. */
export function resetComposer() {
  quoted = null;
  attachments = [];
  mention = true;
  drawComposer();
}

// Sending

// Messages leave one after another in the order they were written, each with the conversation it was written in.
let outbox = Promise.resolve();

function deliver(messages, quote) {
  const target = { bot: store.bot, user: store.user };
  if (store.group) Object.assign(target, { group: store.group, mention });
  if (quote) target.quote = quoteOf(quote);
  if (hasChoice()) target.via = currentVia();
  const work = outbox.then(async () => {
    for (const message of messages) await api.send({ ...target, ...message });
  });
  outbox = work.catch(() => {});
  return work;
}

function quoteOf(entry) {
  const type = ["image", "file", "video", "voice", "mixed"].includes(entry.kind) ? entry.kind : "text";
  const text = ["text", "voice"].includes(type) ? { text: entry.kind === "card" ? summary(entry) : entry.content ?? "" } : {};
  return { type, ...text, entry: entry.id };
}

/** Sends a phrase at once, leaving the composer's text alone. */
export async function sendText(text) {
  if (!store.bot || !store.user) return;
  const quote = quoted;
  setQuote(null);
  try {
    await deliver([{ type: "text", text }], quote);
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
  }
}

async function sendComposed(type, repeat = 1) {
  const draft = { text: input().value, files: attachments, quote: quoted };
  const text = draft.text.trim();
  if (!store.bot || !store.user || (text === "" && draft.files.length === 0 && type !== "unknown")) return;
  const messages = messagesFor(type, text, draft.files);
  restore({ text: "", files: [], quote: null });
  input().focus();
  try {
    await deliver(repeat > 1 ? messages.map((message) => ({ ...message, repeat })) : messages, draft.quote);
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
    // What could not be sent comes back, unless something new was begun meanwhile.
    if (input().value === "" && attachments.length === 0) restore(draft);
  }
}

function restore(draft) {
  input().value = draft.text;
  attachments = draft.files;
  quoted = draft.quote;
  drawQuote();
  drawAttachments();
}

// Pictures with text, several pictures, and any picture in a group travel as one mixed message; files travel alone.
function messagesFor(type, text, files) {
  if (type !== "text") return [{ type, text }];
  const images = files.filter((file) => file.kind === "image");
  const others = files.filter((file) => file.kind !== "image");
  const media = ({ name, base64 }) => ({ name, base64 });
  const list = [];
  if (images.length > 1 || (images.length === 1 && (text !== "" || store.group))) {
    const items = images.map((image) => ({ type: "image", media: media(image) }));
    if (text !== "") items.unshift({ type: "text", text });
    list.push({ type: "mixed", items });
  } else if (images.length === 1) list.push({ type: "image", media: media(images[0]) });
  else if (text !== "") list.push({ type: "text", text });
  for (const file of others) list.push({ type: file.kind, media: media(file) });
  return list;
}

// Quote

function setQuote(entry) {
  quoted = entry;
  drawQuote();
  if (entry) input().focus();
}

function drawQuote() {
  const box = byId("quote-preview");
  box.hidden = !quoted;
  if (!quoted) return;
  const text = el("div", {}, el("b", { text: t("quoting", { name: senderName(quoted) }) }), el("span", { text: summary(quoted) }));
  box.replaceChildren(icon("reply"), text, iconButton("close", t("cancelQuote"), () => setQuote(null)));
}

// Attachments

function startFiles() {
  byId("file-input").addEventListener("change", (event) => {
    addFiles(event.target.files);
    event.target.value = "";
  });
  const area = byId("chat");
  area.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    area.classList.add("dropping");
  });
  area.addEventListener("dragleave", (event) => {
    if (!area.contains(event.relatedTarget)) area.classList.remove("dropping");
  });
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    area.classList.remove("dropping");
    addFiles(event.dataTransfer.files);
  });
}

async function addFiles(files) {
  for (const file of [...files].slice(0, MAX_FILES)) {
    if (attachments.length >= MAX_FILES) break;
    if (file.size > MAX_FILE_BYTES) {
      toast(t("tooLarge"), "error");
      continue;
    }
    const address = await readAddress(file);
    const kind = file.type.startsWith("image/") ? "image" : file.type.startsWith("video/") ? "video" : "file";
    attachments.push({ name: file.name, size: file.size, kind, address, base64: address.slice(address.indexOf(",") + 1) });
  }
  drawAttachments();
  resize();
}

function readAddress(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function drawAttachments() {
  const box = byId("attachments");
  box.hidden = attachments.length === 0;
  const items = attachments.map((file) => {
    const remove = iconButton("close", t("removeAttachment", { name: file.name }), () => {
      attachments = attachments.filter((other) => other !== file);
      drawAttachments();
    }, "remove");
    const preview = file.kind === "image" ? el("img", { src: file.address, alt: "" }) : icon(file.kind);
    return el("div", { class: "attachment" }, preview, el("span", {}, el("b", { text: file.name }), el("small", { text: formatSize(file.size) })), remove);
  });
  box.replaceChildren(...items);
  resize();
}

// The menu of attachments and rarer types

function startMenu() {
  const menu = byId("attach-menu");
  const opener = byId("attach");
  const show = (open) => {
    menu.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("button").focus();
  };
  opener.addEventListener("click", () => show(menu.hidden));
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") {
      show(false);
      opener.focus();
    } else if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length].focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (!menu.hidden && !menu.contains(event.target) && !opener.contains(event.target)) show(false);
  });
  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-action]");
    if (!item) return;
    show(false);
    runMenu(item.dataset.action);
  });
}

const ACCEPT = { attachImage: "image/*", attachVideo: "video/*", attachFile: "" };

function runMenu(action) {
  if (action in ACCEPT) {
    byId("file-input").accept = ACCEPT[action];
    byId("file-input").click();
  } else if (action === "asVoice") sendComposed("voice");
  else if (action === "asUnknown") sendComposed("unknown");
  else if (action === "threeTimes") sendComposed("text", 3);

}
