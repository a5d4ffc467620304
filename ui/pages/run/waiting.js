/** What a node waits for, or why it never ran: what ends the wait, when, and what can be done by hand. */
import { capitalised, plural } from "../../core/format.js";
import { href, hrefOf, route } from "../../core/router.js";
import { may } from "../../core/session.js";
import { duration, milliseconds, moment, now } from "../../core/time.js";
import { html, show } from "../../core/view.js";
import { canEnd, canRetryNow, endByHand, retryNow } from "./manual.js";

/** @typedef {import("./unit.js").Unit} Unit */

/** What a moment that is waited for brings. @type {Record<string, string>} */
const COMING = {
  back_off: "Next attempt",
  delay: "Continues",
  worker: "Gives up on a worker",
  hold: "Due",
  inbox: "Called again",
};

/** @param {Unit} unit @param {(id: string) => void} onSelect */
export function waitingView(unit, onSelect) {
  const answer = () => unit.explanation.answer.value;
  const isOver = () => ["COMPLETED", "FAILED"].includes(unit.node()?.status ?? "");
  const dueAt = () => milliseconds(answer()?.until) ?? milliseconds(unit.node()?.due_at);
  /** @param {number} at */
  const countdown = (at) => {
    const left = at - now.value;
    const coming = COMING[unit.node()?.waiting_on ?? ""] ?? "Time limit";
    return left > 0 ? `${coming} in ${duration(left, { isTicking: true })}` : `${coming} now`;
  };
  return show(
    () => !isOver() && (answer() !== null || canEnd(unit) || causes(unit).length > 0),
    () => html`<section class="waiting" aria-label="What it waits for">
      ${() => (answer() === null ? null : (parked(answer()) ?? html`<p class="text">${sentence(answer().waiting_for)}</p>`))}
      ${() => (answer()?.wakes && !isEnded(unit) ? html`<p class="muted text">Continues with: ${answer().wakes}</p>` : null)}
      ${show(
        // A question to people counts down itself.
        () => dueAt() !== null && !isEnded(unit) && unit.state.value !== "waiting_approval",
        () => html`<p class="strong number" role="timer" title=${() => moment(dueAt())}>${() => countdown(/** @type {number} */ (dueAt()))}</p>`,
      )}
      ${show(() => causes(unit).length > 0, () => causeLinks(unit, onSelect))}
      ${show(() => may("run"), () => actions(unit))}
    </section>`,
  );
}

/** @param {Unit} unit */
const causes = (unit) => unit.node()?.because_of ?? [];

/** @param {Unit} unit */
const isEnded = (unit) => unit.node()?.ended_at != null;

/** What a durable handler that has parked says it waits for, all of it; null of any other explanation. @param {any} explanation */
function parked({ until, details }) {
  if (details.waiting_on !== "inbox" || !details.actions?.includes("post")) return null;
  const words = `Waits for a letter${until ? ` until ${moment(milliseconds(until))}` : ", without a time limit"}`;
  if (details.waits_for.length === 0) return html`<p>${words}.</p>`;
  return html`<div><p>${words}:</p><ul class="bullets">${details.waits_for.map((/** @type {string} */ each) => html`<li
      class="text"><bdi>${each}</bdi></li>`)}</ul></div>`;
}

/** What an explanation says, as a sentence. Its moments are written for programs. @param {string} text */
function sentence(text) {
  const read = text.replace(/\b\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, (at) => moment(milliseconds(at)));
  const whole = /^nothing: /i.test(read) ? capitalised(read.slice(9)) : `Waits for ${read}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** @param {Unit} unit @param {(id: string) => void} onSelect */
function causeLinks(unit, onSelect) {
  /** @param {string} id */
  const link = (id) => {
    const place = () => href(hrefOf(`/ui/runs/${encodeURIComponent(unit.live.id)}`, { ...route.value.query, node: id }));
    /** @param {MouseEvent} event */
    const onClick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      onSelect(id);
    };
    return html`<li><a href=${place} onclick=${onClick}><bdi>${id}</bdi></a></li>`;
  };
  return html`<div><p class="strong">${() => `It never ran because ${plural(causes(unit).length, "node")} failed:`}</p><ul
      class="bullets">${() => causes(unit).map(link)}</ul></div>`;
}

/** @param {Unit} unit */
function actions(unit) {
  const isDelay = () => unit.node()?.waiting_on === "delay";
  return html`<div class="row">
    ${show(() => canRetryNow(unit), () => html`<button type="button" class="primary"
        onclick=${() => void retryNow(unit)}>${() => (isDelay() ? "Continue now" : "Retry now")}</button>`)}
    ${show(
      () => canEnd(unit),
      () => html`<span class="by-hand"><span class="muted">By hand:</span>${/** @type {const} */ (["complete", "fail", "skip"]).map((verb) => html`<button
          type="button" class="quiet" onclick=${() => endByHand(unit, verb)}>${capitalised(verb)}…</button>`)}</span>`,
    )}
  </div>`;
}
