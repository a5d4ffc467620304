/** Send a letter to the inbox of a node: an event of a type that its workflow declares, or any JSON. */
import { api } from "../../core/api.js";
import { once } from "../../core/once.js";
import { computed, html, show, signal, untracked } from "../../core/view.js";
import { notify } from "../../parts/notices.js";
import { problemList } from "../../parts/problems.js";
import { schemaForm } from "../../parts/schema_form.js";
import { definitionOf } from "./definition.js";

/** @typedef {import("./unit.js").Unit} Unit */
/**
 * A type of event that is offered.
 * @typedef {object} EventType
 * @property {string} name
 * @property {any} schema  of its value; null takes anything
 * @property {boolean} isAwaited  the handler names it among what it waits for
 */

/**
 * The types of events that a node takes as letters, those it waits for first; null where its letters are any JSON. Pure.
 * @param {any} definition  as it was sent
 * @param {string} nodeId
 * @param {string[]} waitsFor  texts for people, some of which may name a type
 * @returns {EventType[] | null}
 */
export function eventTypes(definition, nodeId, waitsFor) {
  const { inbox, events } = definition?.interface ?? {};
  if (inbox !== nodeId) return null;
  const words = new Set(waitsFor.flatMap((text) => text.match(/[\w.-]*\w/g) ?? []));
  return Object.entries(events ?? {})
    .map(([name, type]) => ({ name, schema: /** @type {any} */ (type)?.schema ?? null, isAwaited: words.has(name) }))
    .sort((one, other) => Number(other.isAwaited) - Number(one.isAwaited));
}

/** The form, once it is known what the letter is made of. @param {Unit} unit */
export function letterForm(unit) {
  const definition = definitionOf(unit.live);
  const explained = unit.explanation;
  const waitsFor = () => /** @type {string[]} */ (explained.answer.value?.details?.waits_for ?? []);
  const types = () => eventTypes(definition.answer.value, unit.base, waitsFor());
  return show(
    () => definition.answer.value !== null && (explained.answer.value !== null || explained.error.value !== null),
    () => html`<section class="card stack-tight" aria-label="Letter"><h3>Send a letter</h3>${form(unit, types)}</section>`,
  );
}

/** @param {Unit} unit @param {() => EventType[] | null} types */
function form(unit, types) {
  const first = untracked(types);
  const type = signal(first?.[0]?.name ?? "");
  const value = signal(/** @type {any} */ (undefined));
  const failure = signal(/** @type {any} */ (null));
  const result = signal("");
  const isBusy = signal(false);
  /** Raised by a letter that was sent: the next one begins empty. */
  const sent = signal(0);
  const keys = requestKeys();
  const schemaText = computed(() => JSON.stringify(types()?.find(({ name }) => name === type.value)?.schema ?? null));
  /** Of the form as it is now: another one is made for another schema. */
  const problems = signal(/** @type {() => string[]} */ (() => []));
  // An event may have no fields; a letter of nothing at all is a slip.
  const isMissing = () => (first === null ? value.value === undefined : type.value.trim() === "");
  const send = once(async () => {
    const payload = first === null ? value.peek() : { type: type.peek().trim(), value: value.peek() ?? null, step: null };
    isBusy.value = true;
    failure.value = null;
    result.value = "";
    try {
      const { letter } = await api.post(`${unit.path}/inbox`, { payload }, { headers: { "Idempotency-Key": keys.of(payload) } });
      keys.done();
      result.value = `Sent: letter ${letter}.`;
      notify(result.peek());
      sent.value++;
    } catch (problem) {
      failure.value = problem;
    } finally {
      isBusy.value = false;
    }
  });
  return html`<form class="letter-form" onsubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${first === null ? null : typeField(type, first.length > 0, types)}
    ${() => {
      const schema = JSON.parse(schemaText.value);
      void sent.value;
      return untracked(() => {
        value.value = undefined;
        const errors = () => failure.value?.errors ?? [];
        const field = schemaForm({ schema, value, label: first === null ? "Letter" : "Value", errors });
        problems.value = field.problems;
        return field.element;
      });
    }}
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    <div class="row"><button type="button" class="primary" disabled=${() => isBusy.value || isMissing() || problems.value().length > 0}
        onclick=${() => void send()}>${() => (first === null || type.value === "" ? "Send" : `Send ${type.value}`)}</button>
      <span role="status">${() => result.value}</span></div>
  </form>`;
}

let last = 0;

/**
 * @param {import("../../core/view.js").Signal<string>} type @param {boolean} isDeclared  else any name can be typed in
 * @param {() => EventType[] | null} types
 */
function typeField(type, isDeclared, types) {
  const id = `letter-type-${++last}`;
  const onType = (/** @type {Event} */ event) => (type.value = /** @type {HTMLSelectElement} */ (event.target).value);
  const offered = computed(() => JSON.stringify(types()));
  const options = () =>
    (JSON.parse(offered.value) ?? []).map((/** @type {EventType} */ { name, isAwaited }) => html`<option value=${name}
        selected=${name === type.peek()}>${isAwaited ? `${name}: it is waited for` : name}</option>`);
  return html`<div class="field"><label for=${id}>Type</label>${
    isDeclared
      ? html`<select id=${id} onchange=${onType}>${options}</select>`
      : html`<input id=${id} autocomplete="off" spellcheck="false" oninput=${onType}>`
  }</div>`;
}

/**
 * Keys of requests: the same one until what is sent changes, or has come through. A letter whose answer was lost
 * can be sent again, and is there once.
 */
function requestKeys() {
  let [text, key] = ["", ""];
  return {
    /** @param {unknown} payload */
    of: (payload) => {
      const now = JSON.stringify(payload);
      // Not `randomUUID`, which is missing where the page is served without TLS.
      if (key === "" || now !== text) [text, key] = [now, [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("-")];
      return key;
    },
    done: () => void (key = ""),
  };
}
