// What the page knows: the simulator's state, the chosen conversation, the entries and the frames. Views subscribe to topics.
//
// Topics: state, conversation, reload (all entries of the open conversation), entry, frames, frame, link, language, quote.

const MAX_FRAMES = 1000;
const MAX_FRAME_TEXT = 65_536;
const MAX_ENTRIES = 2000;

const listeners = new Map();

/** Subscribes to a topic. */
export function on(topic, listener) {
  const list = listeners.get(topic) ?? [];
  list.push(listener);
  listeners.set(topic, list);
}

/** Tells the subscribers of a topic. */
export function emit(topic, value) {
  for (const listener of listeners.get(topic) ?? []) listener(value);
}

export const store = {
  bots: [],
  users: [],
  groups: [],
  faults: [],
  clock: { mode: "real", offsetMs: 0 },
  now: Date.now(),
  nowReceivedAt: performance.now(),
  bot: null,
  user: null,
  group: null,
  via: null,
  link: "connecting",
  conversations: new Map(),
  unread: new Map(),
  frames: [],
  feedback: new Map(),
  quote: null,
};

let revision = 0;

/** The key of a conversation; a group's entries are the same for every member. */
export const keyOf = (bot, user, group) => (group ? `${bot}|group|${group}` : `${bot}|user|${user}`);

/** The key of the open conversation. */
export const currentKey = () => keyOf(store.bot, store.user, store.group);

/** Display names fall back to ids. */
export const userName = (id) => store.users.find((user) => user.id === id)?.name || id || "";
export const botOf = (id) => store.bots.find((bot) => bot.id === id);
export const groupOf = (id) => store.groups.find((group) => group.id === id);

/** Sides of the open bot; a simulator that tells none has long connections alone. */
export const transports = () => botOf(store.bot)?.transports ?? [];

/** Whether it matters by which side something goes. */
export const hasChoice = () => transports().length > 1;

/** The side by which people write now. Applications hear direct chats only. */
export function currentVia() {
  const possible = transports().filter((side) => !(store.group && side === "agent"));
  return possible.includes(store.via) ? store.via : possible[0] ?? transports()[0] ?? "longConnection";
}

/** The simulator's clock, in milliseconds. A manual clock stands still between advances. */
export function simulatedNow() {
  if (store.clock.mode === "manual") return store.now;
  return store.now + (performance.now() - store.nowReceivedAt);
}

/** Takes over `GET /api/state`. */
export function applyState(state) {
  store.bots = state.bots ?? [];
  store.users = state.users ?? [];
  store.groups = state.groups ?? [];
  store.faults = state.faults ?? [];
  applyClock(state);
  emit("state");
}

/** Takes over the clock part of a state or of a clock event. */
export function applyClock(value) {
  if (value.clock) store.clock = value.clock;
  else if (value.mode) store.clock = { mode: value.mode, offsetMs: value.offsetMs ?? 0 };
  if (Number.isFinite(value.now)) {
    store.now = value.now;
    store.nowReceivedAt = performance.now();
  }
}

function conversation(key) {
  let entries = store.conversations.get(key);
  if (!entries) {
    entries = new Map();
    store.conversations.set(key, entries);
  }
  return entries;
}

/** The revision to pass to `applyView`; take it before asking for the view. */
export const currentRevision = () => revision;

/** Takes over a whole view. Entries that an event changed while the request was under way are newer and win. */
export function applyView(key, list, since) {
  const entries = conversation(key);
  const fresh = new Map();
  for (const entry of list) {
    const known = entries.get(entry.id);
    fresh.set(entry.id, known && known.revision > since ? known : { entry, revision: since, order: orderOf(entry) });
  }
  for (const [id, known] of entries) if (!fresh.has(id) && known.revision > since) fresh.set(id, known);
  store.conversations.set(key, fresh);
  if (key === currentKey()) emit("reload");
}

/** Takes over one entry event: "new" at first sight, "changed", or "stale" when something newer is known. */
export function applyEntry(key, entry) {
  const entries = conversation(key);
  const known = entries.get(entry.id);
  if (known && entry.updatedAt < known.entry.updatedAt) return "stale";
  revision += 1;
  entries.set(entry.id, { entry, revision, order: known?.order ?? orderOf(entry) });
  if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value);
  return known ? "changed" : "new";
}

// The sequence number may move on with every update, so the place in the chat is fixed by the first sight.
const orderOf = (entry) => [entry.time ?? 0, entry.seq ?? 0];

/** The entries of a conversation, oldest first. */
export function entriesOf(key) {
  const list = [...(store.conversations.get(key)?.values() ?? [])];
  list.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1]);
  return list.map((item) => item.entry);
}

/** One entry of the open conversation. */
export const entryById = (id) => store.conversations.get(currentKey())?.get(id)?.entry;

/** Adds frames, newest last, without duplicates. */
export function addFrames(list) {
  const last = store.frames.at(-1)?.seq ?? -1;
  const added = [];
  for (const frame of list) {
    if (frame.seq <= last) continue;
    added.push(describeFrame(frame));
  }
  store.frames.push(...added);
  if (store.frames.length > MAX_FRAMES) store.frames.splice(0, store.frames.length - MAX_FRAMES);
  return added;
}

/** Merges the frames that the simulator remembers with those that events brought already. */
export function mergeFrames(list) {
  const bySequence = new Map(store.frames.map((frame) => [frame.seq, frame]));
  for (const frame of list) if (!bySequence.has(frame.seq)) bySequence.set(frame.seq, describeFrame(frame));
  store.frames = [...bySequence.values()].sort((a, b) => a.seq - b.seq).slice(-MAX_FRAMES);
}

const commands = new Map();

// Reads the few fields that the list shows once, so that filtering does not parse JSON again and again.
function describeFrame(frame) {
  const text = String(frame.text ?? "");
  const described = { ...frame, text: text.slice(0, MAX_FRAME_TEXT), size: frame.size ?? text.length };
  let parsed = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = null;
  }
  described.reqId = typeof parsed?.headers?.req_id === "string" ? parsed.headers.req_id : "";
  described.errcode = Number.isInteger(parsed?.errcode) ? parsed.errcode : null;
  described.command = typeof parsed?.cmd === "string" ? parsed.cmd : "";
  const opposite = `${frame.direction === "in" ? "out" : "in"}|${described.reqId}`;
  described.isAck = described.errcode !== null;
  if (described.isAck) described.answers = commands.get(opposite) ?? "";
  else remember(`${frame.direction}|${described.reqId}`, described.command);
  described.kind = parsed?.body?.msgtype ?? parsed?.body?.response_type ?? "";
  if (parsed?.body?.event?.eventtype) described.kind = parsed.body.event.eventtype;
  return described;
}

function remember(key, command) {
  commands.set(key, command);
  if (commands.size > MAX_FRAMES) commands.delete(commands.keys().next().value);
}
