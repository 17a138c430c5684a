// Template cards of all five types. A card is drawn from the raw `template_card` object; a redraw replaces the whole node.

import { el, toast } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { api } from "./api.js";
import { store, userName, emit } from "./store.js";
import { safeLink, safeImage, picture } from "./markdown-inline.js";

const BUSY_MS = 5000;
const NOTICES = new Set(["text_notice", "news_notice"]);

/** Builds the node of a card entry. */
export function renderCard(entry) {
  const card = entry.card ?? {};
  const type = String(card.card_type ?? "text_notice");
  const node = el("section", { class: "card", data: { cardType: type, task: card.task_id ?? "" }, "aria-label": card.main_title?.title || t("card") });
  const context = { entry, card, node, title: card.main_title?.title };
  const state = typeof card.state === "string" ? card.state : "";
  if (state) node.dataset.state = state;
  if (type === "news_notice") addImage(node, card);
  const body = el("div", { class: "card-body" });
  addHead(context, body);
  addDetails(context, body);
  if (card.checkbox) body.append(checkboxes(context, card.checkbox));
  if (card.button_selection) body.append(select(context, card.button_selection));
  for (const item of list(card.select_list)) body.append(select(context, item));
  if (body.childNodes.length > 0) node.append(body);
  addButtons(context);
  addJumps(context);
  return node;
}

const list = (value) => (Array.isArray(value) ? value : []);

function addImage(node, card) {
  const source = safeImage(card.card_image?.url ?? "");
  if (!source) return;
  const ratio = Math.min(2.25, Math.max(1.3, Number(card.card_image.aspect_ratio) || 1.3));
  const frame = el("div", { class: "card-image", style: { "aspect-ratio": String(ratio) } }, picture(source, card.main_title?.title ?? "", "card-photo"));
  node.append(linked(card.card_action, frame));
}

function addHead(context, body) {
  const { card } = context;
  if (card.source?.desc || card.source?.icon_url) {
    const mark = safeImage(card.source.icon_url ?? "");
    body.append(el("div", { class: `card-source color-${Number(card.source.desc_color) || 0}` }, mark ? picture(mark, "", "source-icon") : null, el("span", { text: card.source.desc ?? "" })));
  }
  const title = el("div", { class: "card-title" });
  if (card.main_title?.title) title.append(el("h3", { text: card.main_title.title }));
  if (card.main_title?.desc) title.append(el("p", { text: card.main_title.desc }));
  const menu = actionMenu(context);
  if (title.childNodes.length > 0 || menu) body.append(el("div", { class: "card-top" }, title, menu));
}

function actionMenu(context) {
  const { action_menu: menu } = context.card;
  const actions = list(menu?.action_list);
  if (actions.length === 0) return null;
  const items = actions.map((action) => button(context, { text: action.text, key: action.key }, "menu-item"));
  const summary = el("summary", { "aria-label": menu.desc || t("cardMenu"), title: menu.desc || t("cardMenu") }, icon("dots"));
  const details = el("details", { class: "card-menu" }, summary, el("div", { class: "menu" }, items));
  details.addEventListener("click", (event) => {
    if (event.target.closest(".menu-item")) details.open = false;
  });
  details.addEventListener("focusout", (event) => {
    if (!details.contains(event.relatedTarget)) details.open = false;
  });
  return details;
}

function addDetails(context, body) {
  const { card } = context;
  if (card.emphasis_content?.title || card.emphasis_content?.desc) {
    body.append(el("div", { class: "card-emphasis" }, el("strong", { text: card.emphasis_content.title ?? "" }), el("span", { text: card.emphasis_content.desc ?? "" })));
  }
  const area = card.image_text_area;
  if (area) {
    const image = safeImage(area.image_url ?? "");
    const text = el("div", {}, el("b", { text: area.title ?? "" }), el("p", { text: area.desc ?? "" }));
    body.append(linked(area, el("div", { class: "card-area" }, image ? picture(image, area.title ?? "", "area-photo") : null, text)));
  }
  if (card.quote_area && (card.quote_area.title || card.quote_area.quote_text)) {
    const quote = el("div", { class: "card-quote" }, el("b", { text: card.quote_area.title ?? "" }), el("p", { text: card.quote_area.quote_text ?? "" }));
    body.append(linked(card.quote_area, quote));
  }
  if (card.sub_title_text) body.append(el("p", { class: "card-text", text: card.sub_title_text }));
  for (const item of list(card.vertical_content_list)) {
    body.append(el("div", { class: "card-vertical" }, el("b", { text: item.title ?? "" }), item.desc ? el("p", { text: item.desc }) : null));
  }
  const rows = list(card.horizontal_content_list);
  if (rows.length > 0) body.append(el("dl", { class: "card-rows" }, rows.flatMap((row) => [el("dt", { text: row.keyname ?? "" }), el("dd", {}, rowValue(row))])));
}

function rowValue(row) {
  if (row.type === 1 && safeLink(row.url ?? "")) return linked(row, el("span", { text: row.value || row.url }));
  if (row.type === 3) return el("span", { class: "member" }, icon("user"), row.value || userName(row.userid));
  return row.value ?? "";
}

// Wraps content in whatever its action opens: a page, or a notice that mini programs exist in the client only.
function linked(action, content, className = "card-link") {
  const link = safeLink(action?.url ?? "");
  if (link && (action.type === undefined || action.type === 1)) {
    return el("a", { class: className, href: link, target: "_blank", rel: "noopener noreferrer" }, content);
  }
  if (action?.type === 2) return el("button", { type: "button", class: className, on: { click: () => toast(t("miniProgram")) } }, content);
  return content;
}

// Choices

const fieldName = (context, key) => `${context.entry.id}-${key}`;

function checkboxes(context, box) {
  const multiple = Number(box.mode) === 1;
  const options = list(box.option_list).map((option) => {
    const input = el("input", {
      type: multiple ? "checkbox" : "radio", name: fieldName(context, box.question_key), value: option.id,
      checked: Boolean(option.is_checked), disabled: Boolean(box.disable), data: { question: box.question_key },
    });
    return el("label", { class: "option" }, input, el("span", { class: "option-mark", "aria-hidden": "true" }, multiple ? icon("check") : null), el("span", { text: option.text ?? option.id }));
  });
  return el("fieldset", { class: "card-options", disabled: Boolean(box.disable) },
    el("legend", { text: t(box.disable ? "locked" : multiple ? "choices" : "choice") }), options);
}

function select(context, item) {
  const options = list(item.option_list).map((option) =>
    el("option", { value: option.id, selected: option.id === item.selected_id, text: option.text ?? option.id }));
  if (!item.selected_id) options.unshift(el("option", { value: "", text: t("choose"), selected: true }));
  const field = el("select", { name: fieldName(context, item.question_key), disabled: Boolean(item.disable), data: { question: item.question_key } }, options);
  return el("label", { class: "card-select" }, el("span", { text: item.title ?? "" }), el("span", { class: "select-box" }, field, icon("chevron")));
}

function selections(node) {
  const selected = {};
  for (const input of node.querySelectorAll("[data-question]")) {
    const key = input.dataset.question;
    const values = (selected[key] ??= []);
    if (input.tagName === "SELECT" ? input.value !== "" : input.checked) values.push(input.value);
  }
  return Object.keys(selected).length > 0 ? selected : undefined;
}

// Buttons and jumps

function addButtons(context) {
  const { card, node } = context;
  const buttons = list(card.button_list).map((item) => button(context, item, `card-button style-${Math.min(4, Math.max(1, Number(item.style) || 1))}`));
  if (card.submit_button) {
    const locked = Boolean(card.checkbox?.disable);
    const submit = button(context, card.submit_button, "card-button style-1");
    submit.disabled = locked;
    buttons.push(submit);
  }
  if (buttons.length > 0) node.append(el("div", { class: "card-buttons", data: { count: Math.min(buttons.length, 3) } }, buttons));
}

function button(context, item, className) {
  const label = el("span", { text: item.text ?? item.key ?? "" });
  // A button with an address opens the page and sends no event; so does the platform.
  const link = Number(item.type) === 1 ? safeLink(item.url ?? "") : null;
  if (link) return el("a", { class: className, href: link, target: "_blank", rel: "noopener noreferrer" }, label);
  const node = el("button", { type: "button", class: className, data: { key: item.key ?? "" } }, label);
  node.addEventListener("click", () => click(context, node, item.key));
  return node;
}

async function click(context, node, key) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  const release = () => node.removeAttribute("aria-busy");
  const request = { bot: store.bot, user: store.user, entry: context.entry.id, key };
  if (store.group) request.group = store.group;
  const selected = selections(context.node);
  if (selected) request.selected = selected;
  try {
    await api.click(request);
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
    release();
    return;
  }
  // The bot has five seconds to redraw the card. Without a redraw the old buttons work again, as on the platform.
  setTimeout(release, BUSY_MS);
}

function addJumps(context) {
  const { card, node } = context;
  const rows = list(card.jump_list).map((jump) => {
    const content = [el("span", { text: jump.title ?? "" }), icon("right")];
    const link = jump.type === 1 ? safeLink(jump.url ?? "") : null;
    if (link) return el("a", { class: "jump", href: link, target: "_blank", rel: "noopener noreferrer" }, content);
    if (jump.type === 3) return el("button", { type: "button", class: "jump", on: { click: () => emit("ask", jump.question || jump.title) } }, content);
    if (jump.type === 2) return el("button", { type: "button", class: "jump", on: { click: () => toast(t("miniProgram")) } }, content);
    return el("div", { class: "jump" }, content[0]);
  });
  const action = card.card_action;
  if (NOTICES.has(card.card_type) && action && [1, 2].includes(action.type) && rows.length === 0) {
    const details = linked(action, [el("span", { text: t("cardDetails") }), icon("right")].reduce((box, item) => (box.append(item), box), el("span", { class: "jump-inner" })), "jump");
    rows.push(details);
  }
  if (rows.length > 0) node.append(el("div", { class: "card-jumps" }, rows));
}
