// Thumbs up and down under finished bot answers that carry a feedback id.

import { el, iconButton, toast } from "./dom.js";
import { t } from "./i18n.js";
import { api } from "./api.js";
import { store } from "./store.js";

const GOOD = 1;
const BAD = 2;
const WITHDRAWN = 3;

/** The two buttons for an entry view. The platform does not report votes back, so the page remembers its own. */
export function feedbackButtons(view) {
  const chosen = store.feedback.get(view.entry.id)?.type;
  const good = iconButton("up", t("good"), () => vote(view, chosen === GOOD ? WITHDRAWN : GOOD), "action feedback-good");
  const bad = iconButton("down", t("bad"), () => (chosen === BAD ? vote(view, WITHDRAWN) : toggleForm(view)), "action feedback-bad");
  good.setAttribute("aria-pressed", String(chosen === GOOD));
  bad.setAttribute("aria-pressed", String(chosen === BAD));
  return [good, bad];
}

async function vote(view, type, extra = {}) {
  const { id } = view.entry;
  try {
    await api.feedback({ bot: store.bot, user: store.user, entry: id, type, ...extra });
  } catch (error) {
    toast(t("failed", { reason: error.message }), "error");
    return;
  }
  if (type === WITHDRAWN) store.feedback.delete(id);
  else store.feedback.set(id, { type });
  closeForm(view);
  view.update(view.entry);
  toast(t("thanks"));
}

function closeForm(view) {
  view.form?.remove();
  view.form = null;
}

function toggleForm(view) {
  if (view.form) {
    closeForm(view);
    return;
  }
  const reasons = [1, 2, 3, 4].map((number) =>
    el("label", { class: "chip-check" }, el("input", { type: "checkbox", name: "reason", value: number }), el("span", { text: t(`reason${number}`) })),
  );
  const text = el("input", { type: "text", class: "field", maxlength: 200, placeholder: t("feedbackText"), "aria-label": t("feedbackText") });
  const cancel = el("button", { type: "button", class: "button ghost", text: t("cancel"), on: { click: () => closeForm(view) } });
  const submit = el("button", { type: "submit", class: "button primary", text: t("submit") });
  view.form = el("form", { class: "feedback-form", "aria-label": t("badTitle") },
    el("b", { text: t("badTitle") }), el("div", { class: "chip-row" }, reasons), text, el("div", { class: "form-actions" }, cancel, submit));
  view.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const picked = [...view.form.querySelectorAll("input[name=reason]:checked")].map((box) => Number(box.value));
    const content = text.value.trim();
    vote(view, BAD, { ...(picked.length ? { reasons: picked } : {}), ...(content ? { content } : {}) });
  });
  view.actions.after(view.form);
  view.form.querySelector("input").focus();
}
