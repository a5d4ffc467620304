/** Send a signal to a run: one that nodes wait for, one that its interface declares, or any other name. */
import { api } from "../core/api.js";
import { once } from "../core/once.js";
import { plural } from "../core/format.js";
import { nodesIn } from "../core/json.js";
import { computed, effect, html, show, signal, untracked } from "../core/view.js";
import { notify } from "./notices.js";
import { problemList } from "./problems.js";
import { schemaForm } from "./schema_form.js";

/**
 * A name that is offered.
 * @typedef {object} Offer
 * @property {string} name
 * @property {any} schema  of the payload; null takes anything
 * @property {string[]} waiting  ids of nodes that wait for it now
 */

/**
 * What can be sent: first what nodes wait for, then what the interface declares, then what nodes may wait for later.
 * Names that are templates are not known before their node has begun.
 * @param {any} definition  as it was sent
 * @param {(nodeId: string) => boolean} isWaiting  for a signal, now
 * @returns {Offer[]}
 */
export function signalOffers(definition, isWaiting) {
  /** @type {Map<string, Offer>} */
  const offers = new Map();
  for (const { id, handler, config } of nodesIn(definition)) {
    const name = config?.name;
    if (handler !== "wait_for_signal" || typeof name !== "string" || name.includes("{{")) continue;
    const offer = offers.get(name) ?? { name, schema: null, waiting: [] };
    offers.set(name, { ...offer, schema: offer.schema ?? config.schema ?? null, waiting: isWaiting(id) ? [...offer.waiting, id] : offer.waiting });
  }
  for (const [name, event] of Object.entries(definition?.interface?.events ?? {})) {
    const offer = offers.get(name) ?? { name, schema: null, waiting: [] };
    offers.set(name, { ...offer, schema: /** @type {any} */ (event)?.schema ?? offer.schema });
  }
  return [...offers.values()].sort((one, other) => Number(other.waiting.length > 0) - Number(one.waiting.length > 0));
}

let last = 0;

/**
 * @param {object} options
 * @param {string} options.executionId
 * @param {() => Offer[]} options.offers
 * @param {string} [options.name]  that is sent, where it is known already
 * @param {() => void} [options.onDone]
 */
export function signalForm({ executionId, offers, name: given = "", onDone = () => {} }) {
  const id = `signal-${++last}`;
  const name = signal(given);
  let isTouched = false;
  // What can be sent may be known a moment later.
  effect(() => {
    const first = offers()[0]?.name ?? "";
    if (!isTouched && name.peek() === "") name.value = first;
  });
  const payload = signal(/** @type {any} */ (undefined));
  const failure = signal(/** @type {any} */ (null));
  const result = signal("");
  const isBusy = signal(false);
  const offer = () => offers().find((each) => each.name === name.value) ?? null;
  const schemaText = computed(() => JSON.stringify(offer()?.schema ?? null));
  /** Of the form as it is now: another one is made for another schema. */
  const problems = signal(/** @type {() => string[]} */ (() => []));
  const send = once(async () => {
    isBusy.value = true;
    failure.value = null;
    result.value = "";
    try {
      const path = `/v1/executions/${encodeURIComponent(executionId)}/signals/${encodeURIComponent(name.peek().trim())}`;
      const done = await api.post(path, payload.peek() === undefined ? {} : { payload: payload.peek() });
      result.value = done.kept
        ? "Sent. No node waits for it yet; it is kept for the first node that will."
        : `Sent to ${plural(done.nodes, "waiting node")}.`;
      // Also as a notice: `onDone` may close the form.
      notify(result.peek());
      onDone();
    } catch (problem) {
      failure.value = problem;
    } finally {
      isBusy.value = false;
    }
  });
  const onName = (/** @type {Event} */ event) => {
    isTouched = true;
    name.value = /** @type {HTMLInputElement} */ (event.target).value;
  };
  const describe = (/** @type {Offer} */ { name: each, waiting }) =>
    waiting.length > 0 ? `${each}: ${waiting.slice(0, 3).join(", ")} ${waiting.length === 1 ? "waits" : "wait"} for it` : each;
  return html`<form class="signal-form" onsubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${given !== "" ? null : html`<div class="field"><label for=${id}>Signal</label>
      <input id=${id} list=${`${id}-names`} autocomplete="off" spellcheck="false" .value=${() => name.value} oninput=${onName}>
      <datalist id=${`${id}-names`}>${() => offers().map((each) => html`<option value=${each.name}>${describe(each)}</option>`)}</datalist></div>`}
    ${() => {
      const schema = JSON.parse(schemaText.value);
      return untracked(() => {
        payload.value = undefined;
        const field = schemaForm({ schema, value: payload, label: "Payload" });
        problems.value = field.problems;
        return field.element;
      });
    }}
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    <div class="row"><button type="button" class="primary" disabled=${() => isBusy.value || name.value.trim() === "" || problems.value().length > 0}
        onclick=${() => void send()}>${() => (given ? `Send ${given}` : "Send the signal")}</button>
      <span role="status">${() => result.value}</span></div>
  </form>`;
}
