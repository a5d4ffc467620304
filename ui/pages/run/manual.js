/** Manual actions on a node: end its wait, or complete, fail or skip it, after a list of what that would touch. */
import { api } from "../../core/api.js";
import { plural } from "../../core/format.js";
import { html, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { jsonField } from "../../parts/json_field.js";
import { notify, notifyError } from "../../parts/notices.js";
import { byField, rememberBy, rememberedBy } from "../../parts/by_field.js";
import { runStatus } from "./unit.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {"complete" | "fail" | "skip"} Verb */

/** Kinds of waiting that can be ended by hand. */
const ENDS_NOW = new Set(["back_off", "delay", "worker", "hold", "operator", "inbox"]);
/** Of more nodes after one the first are named. */
const MOST_NAMED = 8;
/** @type {Record<Verb, {title: string, done: string, says: string}>} */
const VERBS = {
  complete: { title: "Complete", done: "completed", says: "It counts as completed, with the output below." },
  fail: { title: "Fail", done: "failed", says: "It counts as failed, with the error below; it is not tried again." },
  skip: { title: "Skip", done: "skipped", says: "It counts as skipped; the nodes after it follow their trigger rules." },
};

/** Whether a node's wait can be ended now. @param {Unit} unit */
export function canRetryNow(unit) {
  const node = unit.node();
  return node?.status === "WAITING" && ENDS_NOW.has(node.waiting_on ?? "") && isOpen(unit);
}

/** Whether it can be completed, failed or skipped by hand. @param {Unit} unit */
export function canEnd(unit) {
  const node = unit.node();
  const isUnfinished = ["PENDING", "QUEUED", "RUNNING", "WAITING"].includes(node?.status ?? "");
  return isUnfinished && node?.waiting_on !== "map" && isOpen(unit);
}

/** @param {Unit} unit */
function isOpen(unit) {
  return ["RUNNING", "PAUSED"].includes(runStatus(unit.live));
}

/** @param {Unit} unit */
export async function retryNow(unit) {
  const node = unit.node();
  try {
    await api.post(`${unit.path}/retry`, { by: rememberedBy() || "the page", attempt: node?.attempt });
    notify(node?.waiting_on === "delay" ? "Delay ended" : "Queued");
  } catch (error) {
    notifyError(error);
  }
}

/** @param {Unit} unit @param {Verb} verb */
export function endByHand(unit, verb) {
  const node = /** @type {import("./unit.js").RunNode} */ (unit.node());
  const { title, done, says } = VERBS[verb];
  const output = signal(/** @type {any} */ (exampleOf(node.handler)));
  const reason = signal("");
  const by = signal(rememberedBy());
  const type = signal("Operator");
  const message = signal("");
  const editor = jsonField({ value: output, label: "Output", rows: 6 });
  const problems = () => (verb === "complete" ? editor.problems() : []);
  openDialog({
    title: `${title} ${unit.id} by hand?`,
    closeLabel: "Leave it",
    body: () => html`<p>${says}</p>${touched(unit, node)}
      ${verb === "complete" ? editor.element : null}
      ${verb === "fail" ? html`${field("Type of the error", type, "Operator")}${field("Message", message, "why it failed")}` : null}
      ${byField(by)}${field("Reason", reason, "kept in the history")}`,
    actions: [
      {
        label: title,
        look: verb === "complete" ? "primary" : "danger",
        isDisabled: () => problems().length > 0 || by.value.trim() === "",
        run: async () => {
          rememberBy(by.peek());
          const error = { type: type.peek() || "Operator", message: message.peek() || reason.peek() || "failed by hand" };
          const more = verb === "complete" ? { output: output.peek() ?? null } : verb === "fail" ? { error } : {};
          await api.post(`${unit.path}/${verb}`, { by: by.peek().trim(), reason: reason.peek() || undefined, attempt: node.attempt, ...more });
          notify(`${unit.id} is ${done}`);
        },
      },
    ],
  });
}

/** What an action would touch. @param {Unit} unit @param {import("./unit.js").RunNode} node */
function touched(unit, node) {
  const behind = unit.index !== null ? [] : [...(unit.live.run?.nodes.values() ?? [])].filter(({ dependencies }) => dependencies.includes(unit.base));
  const names = behind.slice(0, MOST_NAMED).map(({ node_id: id }, at) => html`${at > 0 ? ", " : ""}<bdi class="strong">${id}</bdi>`);
  const more = behind.length > MOST_NAMED ? ` and ${behind.length - MOST_NAMED} more` : "";
  const isRunning = node.status === "RUNNING";
  return html`<ul class="bullets">
    <li>${unit.index === null ? "Node" : "Item"} <bdi
        class="strong">${unit.id}</bdi>, attempt ${node.attempt}, ${node.status}.${
      isRunning ? " Its worker is asked to stop, and a late result is refused." : ""}</li>
    ${behind.length > 0 ? html`<li>${plural(behind.length, "node")} after it: ${names}${more}.</li>` : null}
  </ul>`;
}

/** @param {string} label @param {import("../../core/view.js").Signal<string>} value @param {string} placeholder */
function field(label, value, placeholder) {
  const id = `by-hand-${label.toLowerCase().replaceAll(" ", "-")}`;
  return html`<div class="field"><label for=${id}>${label}</label><input id=${id} placeholder=${placeholder} autocomplete="off" .value=${value.peek()}
    oninput=${(/** @type {Event} */ event) => (value.value = /** @type {HTMLInputElement} */ (event.target).value)}></div>`;
}

/** An output of the shape that nodes of a handler have. @param {string} handler */
function exampleOf(handler) {
  if (handler === "condition") return { result: true };
  if (handler === "switch") return { case: "" };
  return handler === "llm" ? { status: "ok", answer: "" } : null;
}
