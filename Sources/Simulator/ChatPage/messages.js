// The list of entries of the open conversation: views, day dividers, grouping and a scroll position that follows only a reader who is
// at the end.

import { el, byId, avatar } from "./dom.js";
import { t, dayOf } from "./i18n.js";
import { store, entriesOf, currentKey, simulatedNow, botOf, groupOf, hasChoice } from "./store.js";
import { createView } from "./bubbles.js";

const NEAR_END = 80;
const GROUP_MS = 180_000;

const views = new Map();
let following = true;
let missed = 0;
let lastTop = 0;
let drawnKey = null;

const scroller = () => byId("scroller");
const messages = () => byId("messages");

/** Wires scrolling; call once. */
export function startMessages() {
  scroller().addEventListener("scroll", onScroll, { passive: true });
  new ResizeObserver(() => follow(false)).observe(messages());
  new ResizeObserver(() => follow(false)).observe(scroller());
  byId("latest").addEventListener("click", () => {
    following = true;
    follow(true);
  });
}

// Only the reader moves up; growth and our own scrolling move down. So the direction tells who scrolled.
function onScroll() {
  const { scrollTop, scrollHeight, clientHeight } = scroller();
  const rest = scrollHeight - clientHeight - scrollTop;
  if (rest < NEAR_END) {
    following = true;
    missed = 0;
  } else if (scrollTop < lastTop - 1) following = false;
  lastTop = scrollTop;
  updateLatest();
}

function follow(smooth) {
  if (following) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scroller().scrollTo({ top: scroller().scrollHeight, behavior: smooth && !still ? "smooth" : "instant" });
  }
  updateLatest();
}

function updateLatest() {
  byId("latest").hidden = following;
  byId("latest-text").textContent = missed > 0 ? t("newMessages", { n: missed }) : t("latest");
}

/** Draws the open conversation. When it is already shown, nodes and the scroll position stay. */
export function reloadMessages() {
  const entries = entriesOf(currentKey());
  if (drawnKey === currentKey() && extend(entries)) {
    arrange();
    follow(false);
    return;
  }
  rebuild(entries);
}

// Updates what is shown and appends the rest; false when entries vanished or changed places.
function extend(entries) {
  const shown = [...views.keys()];
  if (!shown.every((id, index) => entries[index]?.id === id)) return false;
  for (const entry of entries) {
    const view = views.get(entry.id);
    if (view) view.update(entry);
    else place(entry);
  }
  return true;
}

function rebuild(entries) {
  drawnKey = currentKey();
  views.clear();
  messages().replaceChildren();
  following = true;
  missed = 0;
  messages().setAttribute("aria-live", "off");
  for (const entry of entries) place(entry);
  arrange();
  follow(false);
  requestAnimationFrame(() => messages().setAttribute("aria-live", "polite"));
}

function place(entry) {
  const view = createView(entry);
  views.set(entry.id, view);
  messages().append(view.node);
  return view;
}

/** Shows a new or changed entry of the open conversation. */
export function showEntry(entry) {
  const known = views.get(entry.id);
  if (known) {
    known.update(entry);
    follow(false);
    return;
  }
  const ordered = entriesOf(currentKey());
  if (ordered.at(-1)?.id !== entry.id) {
    rebuild(ordered);
    return;
  }
  const view = place(entry);
  view.node.classList.add("arriving");
  const mine = entry.from === "user" && entry.sender === store.user;
  if (mine) following = true;
  else if (!following) missed += 1;
  arrange();
  follow(true);
}

/** Draws everything again, for the texts of a new language. */
export function retranslateMessages() {
  rebuild(entriesOf(currentKey()));
}

// Day dividers and runs of one sender depend on neighbors, so they are set in one pass.
function arrange() {
  for (const divider of messages().querySelectorAll(".day")) divider.remove();
  const entries = entriesOf(currentKey());
  let previous = null;
  const now = simulatedNow();
  for (const entry of entries) {
    const view = views.get(entry.id);
    if (!view) continue;
    const day = dayOf(entry.time, now);
    if (!previous || day !== dayOf(previous.time, now)) {
      view.node.before(el("div", { class: "day", role: "separator" }, el("span", { text: day })));
      previous = null;
    }
    const run = previous && previous.kind !== "event" && previous.from === entry.from && previous.sender === entry.sender && entry.time - previous.time < GROUP_MS && (!hasChoice() || previous.via === entry.via);
    view.node.classList.toggle("continued", Boolean(run));
    previous = entry;
  }
  drawEmpty(entries.length === 0);
}

function drawEmpty(empty) {
  const box = byId("empty");
  box.hidden = !empty;
  if (!empty) return;
  const name = (store.group ? groupOf(store.group)?.name : botOf(store.bot)?.name) || store.group || store.bot || "";
  const text = !store.bot ? t("noBotText") : t(store.group ? "emptyGroup" : "emptyText");
  box.replaceChildren(avatar(store.group ? "group" : "bot", name), el("h2", { text: t(store.group ? "emptyTitleGroup" : "emptyTitle", { name }) }), el("p", { text }));
}
