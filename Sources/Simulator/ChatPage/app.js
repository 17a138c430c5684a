// The page's start: wires the parts, chooses the conversation, listens to events.

import { byId, toast } from "./dom.js";
import { fillIcons } from "./icons.js";
import { t, translate, toggleLanguage, remember, recall } from "./i18n.js";
import { api, openEvents } from "./api.js";
import { store, on, emit, keyOf, currentKey, applyState, applyClock, applyView, applyEntry, currentRevision, addFrames, mergeFrames, botOf, groupOf, userName, transports, hasChoice, currentVia } from "./store.js";
import { startMessages, reloadMessages, showEntry, retranslateMessages } from "./messages.js";
import { startComposer, drawComposer, resetComposer } from "./composer.js";
import { startSidebar, drawSidebar, countUnread } from "./sidebar.js";
import { startInspector, drawInspector, showFrames } from "./inspector.js";
import { startControls, drawControls, drawClock } from "./controls.js";

const entered = new Set();
const loaded = new Set();

// Choosing

function choose(change) {
  Object.assign(store, { ...pick(change) });
  store.unread.delete(currentKey());
  for (const key of ["bot", "user", "group"]) remember(key, store[key] ?? "");
  byId("messages").dataset.ready = "false";
  resetComposer();
  drawAll();
  emit("reload");
  return loadView();
}

function pick(change) {
  const next = { bot: store.bot, user: store.user, group: store.group, ...change };
  if (!store.bots.some((bot) => bot.id === next.bot)) next.bot = store.bots[0]?.id ?? null;
  if (!store.users.some((user) => user.id === next.user)) next.user = store.users[0]?.id ?? null;
  if (!store.groups.some((group) => group.id === next.group)) next.group = null;
  return next;
}

async function loadView() {
  if (!store.bot || !store.user) return;
  const key = currentKey();
  const since = currentRevision();
  try {
    const view = await api.view({ bot: store.bot, user: store.user, group: store.group });
    applyView(key, view.entries ?? [], since);
    loaded.add(key);
    byId("messages").dataset.ready = String(key === currentKey());
    drawSidebar();
    greet();
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
  }
}

// The first look at an empty direct chat is what the platform reports as enter_chat; later visits need the button.
function greet() {
  const key = currentKey();
  const bot = botOf(store.bot);
  if (store.group || !(bot?.connected || currentVia() !== "longConnection") || !loaded.has(key) || entered.has(key)) return;
  if ((store.conversations.get(key)?.size ?? 0) > 0) return;
  enterChat(false);
}

async function enterChat(aloud) {
  if (!store.bot || !store.user) return;
  entered.add(currentKey());
  try {
    await api.enter(store.bot, store.user, hasChoice() ? currentVia() : null);
    if (aloud) toast(t("entered"));
  } catch (error) {
    if (aloud) toast(t("failed", { reason: error.message }), "error");
  }
}

async function refreshState() {
  applyState(await api.state());
}

// Drawing

function drawHeader() {
  const bot = botOf(store.bot);
  const group = store.group ? groupOf(store.group) : null;
  byId("chat-name").textContent = (group ? group.name || group.id : bot?.name || store.bot) ?? "";
  byId("chat-detail").textContent = group
    ? t("members", { n: group.members?.length ?? 0 })
    : store.user ? userName(store.user) : "";
  byId("enter").hidden = Boolean(store.group) || !store.bot;
  drawVia();
  const status = byId("status");
  const isCalled = bot && currentVia() !== "longConnection";
  status.dataset.state = !bot ? "none" : isCalled ? "called" : bot.connected ? "online" : "offline";
  byId("status-text").textContent = t(!bot ? "noBot" : isCalled ? "callbacks" : bot.connected ? "online" : "offline");
  status.title = bot ? t("connections", { n: bot.connections ?? 0 }) : "";
  drawLink();
}

// The choice among the bot's sides; a bot with one shows none.
function drawVia() {
  byId("via-box").hidden = !hasChoice();
  if (!hasChoice()) return;
  const via = currentVia();
  byId("via").replaceChildren(...transports().map((side) => {
    const option = document.createElement("option");
    Object.assign(option, { value: side, textContent: t(side), selected: side === via, disabled: Boolean(store.group) && side === "agent" });
    return option;
  }));
}

function drawLink() {
  const text = t({ live: "linkLive", connecting: "linkConnecting", lost: "linkLost" }[store.link]);
  const banner = byId("link");
  banner.dataset.state = store.link;
  banner.hidden = store.link === "live";
  byId("link-text").textContent = text;
}

function drawAll() {
  drawHeader();
  drawSidebar();
  drawComposer();
  drawControls();
}

// Events

const handlers = {
  entry(event) {
    // An application may have made a group that the page does not know yet.
    if (event.group && !groupOf(event.group)) refreshState().catch(() => {}).then(() => takeEntry(event));
    else takeEntry(event);
  },
  frame(frame) {
    showFrames(addFrames([frame]));
  },
  async connection({ bot, state }) {
    if (bot === store.bot && state === "displaced") toast(t("displaced"), "error");
    await refreshState().catch(() => {});
    greet();
  },
  violation({ bot, rule, detail }) {
    if (bot === store.bot) toast(t("violation", { rule, detail }), "error");
  },
  clock(value) {
    applyClock(value);
    drawClock();
    refreshState().catch(() => {});
  },
};

function takeEntry({ bot, user, group, entry }) {
  if (!entry?.id) return;
  const key = keyOf(bot, user, group);
  const change = applyEntry(key, entry);
  if (change === "stale") return;
  if (key === currentKey()) showEntry(entry);
  else if (change === "new" && entry.from === "bot" && concernsReader(bot, user, group)) countUnread(key);
  scheduleSidebar();
}

function concernsReader(bot, user, group) {
  if (bot !== store.bot) return false;
  return group ? Boolean(groupOf(group)?.members?.includes(store.user)) : user === store.user;
}

let sidebarTimer = 0;

// A stream updates many times a second; the list's preview need not.
function scheduleSidebar() {
  if (sidebarTimer) return;
  sidebarTimer = setTimeout(() => {
    sidebarTimer = 0;
    if (!byId("sidebar").contains(document.activeElement) || document.activeElement.tagName !== "SELECT") drawConversations();
  }, 250);
}

function drawConversations() {
  const focused = document.activeElement?.dataset?.conversation;
  drawSidebar();
  if (focused) byId("conversation").querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
}

async function onLink(state) {
  store.link = state;
  drawLink();
  if (state !== "live") return;
  try {
    await refreshState();
    await catchUp();
    if (started) await loadView();
    else await choose(firstChoice());
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
  }
}

// Whatever happened while the link was down is read again. A simulator that was started anew counts its frames from the beginning.
async function catchUp() {
  const { frames = [] } = await api.frames();
  for (const key of store.conversations.keys()) if (key !== currentKey()) store.conversations.delete(key);
  if ((frames.at(-1)?.seq ?? -1) < (store.frames.at(-1)?.seq ?? -1)) {
    store.frames.length = 0;
    entered.clear();
  }
  mergeFrames(frames);
  drawInspector();
}

let started = false;

function firstChoice() {
  started = true;
  store.via = recall("via");
  const query = new URLSearchParams(location.search);
  const wanted = (key) => query.get(key) ?? recall(key) ?? undefined;
  return { bot: wanted("bot"), user: wanted("user"), group: wanted("group") || null };
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember("theme", root.dataset.theme);
}

function start() {
  fillIcons(document);
  translate();
  startMessages();
  startComposer();
  startSidebar(choose, refreshState);
  startInspector();
  startControls(refreshState);
  byId("theme").addEventListener("click", toggleTheme);
  byId("language").addEventListener("click", toggleLanguage);
  byId("enter").addEventListener("click", () => enterChat(true));
  byId("via").addEventListener("change", () => {
    store.via = byId("via").value;
    remember("via", store.via);
    drawHeader();
  });
  on("state", () => {
    Object.assign(store, pick({}));
    drawHeader();
    drawConversations();
    drawControls();
  });
  on("reload", reloadMessages);
  on("sidebar", scheduleSidebar);
  on("language", () => {
    drawAll();
    drawInspector();
    retranslateMessages();
  });
  drawAll();
  drawInspector();
  openEvents((name, data) => handlers[name]?.(data), onLink);
}

start();
