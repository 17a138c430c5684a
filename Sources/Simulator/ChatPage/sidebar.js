// The side list: who am I, which bot, which conversation; forms to add people and groups.

import { el, avatar, byId, iconButton, toast } from "./dom.js";
import { t, clockTime } from "./i18n.js";
import { api } from "./api.js";
import { store, keyOf, entriesOf, emit } from "./store.js";
import { summary } from "./bubbles.js";

/** Wires the side list; `choose({bot, user, group})` opens a conversation, `refresh()` reads the state again. */
export function startSidebar(choose, refresh) {
  byId("user").addEventListener("change", (event) => choose({ user: event.target.value, group: keepGroup(event.target.value) }));
  byId("bot").addEventListener("change", (event) => choose({ bot: event.target.value }));
  byId("conversation").addEventListener("click", (event) => {
    const item = event.target.closest("[data-conversation]");
    if (!item) return;
    const [kind, id] = splitOnce(item.dataset.conversation);
    choose({ group: kind === "group" ? id : null });
    showSidebar(false);
  });
  byId("conversation").addEventListener("keydown", moveFocus);
  byId("open-sidebar").addEventListener("click", () => showSidebar(true));
  byId("close-sidebar").addEventListener("click", () => showSidebar(false));
  byId("sidebar-shade").addEventListener("click", () => showSidebar(false));
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key === "Escape") showSidebar(false);
  });
  byId("add-user").addEventListener("click", () => toggleForm("user-form", () => userForm(choose, refresh)));
  byId("add-group").addEventListener("click", () => toggleForm("group-form", () => groupForm(choose, refresh)));
}

const splitOnce = (text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];

// A group stays open when the other person is a member of it, too.
function keepGroup(user) {
  const group = store.groups.find((candidate) => candidate.id === store.group);
  return group?.members?.includes(user) ? group.id : null;
}

/** Opens or closes the list on a narrow screen. */
export function showSidebar(open) {
  document.body.classList.toggle("sidebar-open", open);
  byId("open-sidebar").setAttribute("aria-expanded", String(open));
  if (open) byId("close-sidebar").focus();
  else if (byId("sidebar").contains(document.activeElement)) byId("open-sidebar").focus();
}

function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const items = [...byId("conversation").querySelectorAll("[data-conversation]")];
  const next = items[(items.indexOf(document.activeElement) + step + items.length) % items.length];
  next?.focus();
  event.preventDefault();
}

/** Draws the list. */
export function drawSidebar() {
  fill(byId("user"), store.users.map((user) => [user.id, user.name && user.name !== user.id ? `${user.name} (${user.id})` : user.id]), store.user);
  fill(byId("bot"), store.bots.map((bot) => [bot.id, bot.name || bot.id]), store.bot);
  byId("bot-row").hidden = store.bots.length < 2;
  const bot = store.bots.find((candidate) => candidate.id === store.bot);
  const items = bot ? [item("direct", bot.id, bot.name || bot.id, null, t("direct"), "bot")] : [];
  for (const group of store.groups) {
    if (group.members && store.user && !group.members.includes(store.user)) continue;
    items.push(item("group", group.id, group.name || group.id, group.id, t("members", { n: group.members?.length ?? 0 }), "group"));
  }
  byId("conversation").replaceChildren(...items);
}

function fill(select, pairs, value) {
  select.replaceChildren(...pairs.map(([id, text]) => el("option", { value: id, text, selected: id === value })));
}

function item(kind, id, name, group, fallback, symbol) {
  const key = keyOf(store.bot, store.user, group);
  const last = entriesOf(key).at(-1);
  const unread = store.unread.get(key) ?? 0;
  const current = (store.group ?? null) === group;
  const text = el("span", { class: "conversation-text" },
    el("span", { class: "conversation-name" }, el("b", { text: name }), last ? el("time", { text: clockTime(last.time) }) : null),
    el("span", { class: "conversation-last" }, el("span", { text: summary(last) || fallback }), unread > 0 ? el("span", { class: "unread", text: String(Math.min(unread, 99)) }) : null));
  return el("button", { type: "button", class: "conversation", data: { conversation: `${kind}:${id}` }, "aria-current": current ? "true" : false }, avatar(symbol, name), text);
}

// Forms

function toggleForm(id, build) {
  const box = byId("add-forms");
  const open = box.querySelector(`#${id}`);
  box.replaceChildren();
  if (open) return;
  const form = build();
  form.id = id;
  box.append(form);
  form.querySelector("input").focus();
}

const field = (name, label, extra = {}) => el("input", { class: "field", name, placeholder: label, "aria-label": label, required: true, maxlength: 64, autocomplete: "off", ...extra });

function formOf(title, fields, submit) {
  const form = el("form", { class: "add-form", "aria-label": title },
    el("div", { class: "form-head" }, el("b", { text: title }), iconButton("close", t("close"), () => form.remove())),
    fields, el("button", { type: "submit", class: "button primary", text: t("create") }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await submit(form);
      form.remove();
    } catch (error) {
      toast(t("failed", { reason: error.message }), "error");
    }
  });
  return form;
}

function userForm(choose, refresh) {
  const fields = [field("id", t("userId"), { pattern: "[A-Za-z0-9_.@\\-]+" }), field("name", t("userNameLabel"), { required: false })];
  return formOf(t("addUser"), fields, async (form) => {
    const id = form.elements.id.value.trim();
    await api.addUser({ id, name: form.elements.name.value.trim() || id });
    await refresh();
    choose({ user: id, group: null });
  });
}

function groupForm(choose, refresh) {
  const members = el("div", { class: "chip-row", role: "group", "aria-label": t("groupMembers") }, store.users.map((user) =>
    el("label", { class: "chip-check" }, el("input", { type: "checkbox", name: "member", value: user.id, checked: user.id === store.user }), el("span", { text: user.name || user.id }))));
  return formOf(t("addGroup"), [field("name", t("groupName")), members], async (form) => {
    const picked = [...form.querySelectorAll("input[name=member]:checked")].map((box) => box.value);
    const id = `wrSIM${Date.now().toString(36)}`;
    const created = await api.addGroup({ id, name: form.elements.name.value.trim(), members: picked });
    await refresh();
    if (picked.includes(store.user)) choose({ group: created.id ?? id });
  });
}

/** Counts an entry of a conversation that is not open. */
export function countUnread(key) {
  store.unread.set(key, (store.unread.get(key) ?? 0) + 1);
  emit("sidebar");
}
