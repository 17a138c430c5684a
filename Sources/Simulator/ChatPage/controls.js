// Faults, connections and the clock.

import { el, byId, iconButton, toast } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { api } from "./api.js";
import { store, simulatedNow, transports } from "./store.js";

const CODES = [-1, 6000, 40007, 40008, 40058, 42014, 45002, 846604, 846605, 846606, 846607, 846608, 846609, 853000];
const COMMANDS = ["aibot_respond_msg", "aibot_send_msg", "aibot_respond_welcome_msg", "aibot_respond_update_msg", "aibot_subscribe", "aibot_upload_media_init", "ping"];
const WEBHOOK_COMMANDS = ["webhook.message", "webhook.refresh", "webhook.event", "cgi-bin/aibot/response"];
const AGENT_COMMANDS = ["agent.message", "agent.event", "cgi-bin/gettoken", "cgi-bin/message/send", "cgi-bin/media/upload", "cgi-bin/media/get"];
const DELAY_MS = 3000;

let refresh = async () => {};
let chosenCode = "846607";
let chosenCommand = "";

/** Wires the panel; `reload()` reads the state again after each change. */
export function startControls(reload) {
  refresh = reload;
  setInterval(drawClock, 1000);
}

async function run(work) {
  try {
    await work();
    await refresh();
    toast(t("done"));
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
  }
}

const addFault = (fault) => run(() => api.setFaults([...store.faults, fault]));

const scoped = (fault) => (chosenCommand ? { ...fault, cmd: chosenCommand } : fault);

function tile(name, symbol, hint, work, id) {
  return el("button", { type: "button", class: "tile", id, title: hint, on: { click: work } }, icon(symbol), el("span", { text: t(name) }), hint ? el("small", { text: hint }) : null);
}

/** Draws the panel. */
export function drawControls() {
  const connection = section("connection", el("div", { class: "tiles" },
    tile("drop", "close", t("dropHint"), () => run(() => api.connection("drop", store.bot)), "fault-drop"),
    tile("halfOpen", "pause", t("halfOpenHint"), () => run(() => api.connection("halfopen", store.bot)), "fault-halfopen"),
    tile("kick", "door", t("kickHint"), () => run(() => api.connection("kick", store.bot)), "fault-kick")));
  const focused = byId("controls-body").contains(document.activeElement) ? document.activeElement.id : "";
  byId("controls-body").replaceChildren(connection, faultSection(), clockSection());
  if (focused) byId(focused)?.focus();
  drawClock();
}

function section(name, ...content) {
  return el("section", { class: "control", "aria-label": t(name) }, el("h3", { text: t(name) }), content);
}

// Callbacks and calls of the sides that the bot has.
function commands() {
  const sides = transports();
  return [...COMMANDS, ...(sides.includes("webhook") ? WEBHOOK_COMMANDS : []), ...(sides.includes("agent") ? AGENT_COMMANDS : [])];
}

function callbackButtons() {
  const sides = transports();
  const button = (name, fault) => el("button", { type: "button", class: "button", id: `fault-${name}`, text: t(name), on: { click: () => addFault({ ...fault, bot: store.bot, count: 1 }) } });
  const buttons = [];
  if (sides.includes("webhook")) buttons.push(button("loseAnswer", { fault: "loseAnswer", cmd: "webhook.message" }), button("stopPolls", { fault: "stopPolls", cmd: "webhook.refresh" }));
  if (sides.includes("agent")) buttons.push(button("endToken", { fault: "invalidateToken", cmd: "cgi-bin/*" }));
  return buttons.length > 0 ? el("div", { class: "button-row" }, buttons) : null;
}

function faultSection() {
  const command = el("select", { id: "fault-command", "aria-label": t("command") },
    el("option", { value: "", text: t("anyCommand") }), commands().map((name) => el("option", { value: name, text: name, selected: name === chosenCommand })));
  command.addEventListener("change", () => {
    chosenCommand = command.value;
  });
  const code = el("input", { class: "field", id: "fault-errcode", list: "errcodes", inputmode: "numeric", value: chosenCode, "aria-label": t("errcode") });
  code.addEventListener("input", () => {
    chosenCode = code.value;
  });
  const refuse = el("button", { type: "button", class: "button", id: "fault-refuse", text: t("refuse") });
  refuse.addEventListener("click", () => {
    const errcode = Number.parseInt(code.value, 10);
    if (Number.isInteger(errcode)) addFault(scoped({ fault: "errorCode", code: errcode, count: 1 }));
  });
  const buttons = el("div", { class: "button-row" },
    el("button", { type: "button", class: "button", id: "fault-drop-ack", text: t("dropAck"), on: { click: () => addFault(scoped({ fault: "dropAck", count: 1 })) } }),
    el("button", { type: "button", class: "button", id: "fault-delay-ack", text: t("delayAck"), on: { click: () => addFault(scoped({ fault: "delayAck", ms: DELAY_MS })) } }));
  return section("faults", el("span", { class: "select-box" }, command, icon("chevron")), buttons, callbackButtons(), el("div", { class: "button-row" }, code, refuse),
    el("datalist", { id: "errcodes" }, CODES.map((value) => el("option", { value }))), activeFaults());
}

function activeFaults() {
  if (store.faults.length === 0) return el("p", { class: "muted", id: "fault-list", text: t("noFaults") });
  const chips = store.faults.map((fault, index) =>
    el("span", { class: "fault", data: { fault: fault.fault ?? "" } }, el("span", { text: describe(fault) }),
      iconButton("close", t("removeFault"), () => run(() => api.setFaults(store.faults.filter((_, other) => other !== index))), "remove")));
  const clear = el("button", { type: "button", class: "button ghost", id: "fault-clear", on: { click: () => run(api.clearFaults) } }, icon("trash"), el("span", { text: t("clearFaults") }));
  return el("div", { class: "fault-list", id: "fault-list" }, chips, clear);
}

function describe(fault) {
  const parts = [fault.fault];
  if (fault.code !== undefined && fault.code !== null) parts.push(String(fault.code));
  if (fault.ms) parts.push(`${fault.ms} ms`);
  if (fault.count) parts.push(`×${fault.count}`);
  if (fault.cmd) parts.push(fault.cmd.replace(/^aibot_/, ""));
  return parts.join(" · ");
}

function clockSection() {
  const step = (seconds, label, id) => el("button", { type: "button", class: "button", id, text: t(label), on: { click: () => run(() => api.advance(seconds)) } });
  const custom = el("input", { class: "field", id: "clock-seconds", type: "number", min: 1, max: 864000, value: 600, "aria-label": t("seconds") });
  const go = el("button", { type: "button", class: "button", id: "clock-advance", text: t("advance") });
  go.addEventListener("click", () => {
    const seconds = Number(custom.value);
    if (seconds > 0) run(() => api.advance(seconds));
  });
  return section("clock", el("div", { class: "clock-face" }, el("output", { id: "clock-now" }), el("span", { id: "clock-mode", class: "pill" })),
    el("div", { class: "button-row" }, step(30, "plus30", "clock-30"), step(360, "plus6m", "clock-360"), custom, go));
}

/** Updates the clock's digits. */
export function drawClock() {
  const face = byId("clock-now");
  if (!face) return;
  face.textContent = new Date(simulatedNow()).toLocaleString(document.documentElement.lang, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const offset = Math.round((store.clock.offsetMs ?? 0) / 1000);
  byId("clock-mode").textContent = `${t(store.clock.mode === "manual" ? "manual" : "real")}${offset ? ` ${offset > 0 ? "+" : ""}${offset} s` : ""}`;
}
