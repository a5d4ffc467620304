/** Fields of a form for one value each: text, numbers, yes and no, one of several, and any JSON. */
import { isNumber, typedNumber } from "../core/json.js";
import { kindOf } from "../core/schema.js";
import { effect, html, signal, untracked } from "../core/view.js";
import { jsonField } from "./json_field.js";
import { describe, problemOf, required_ } from "./schema_marks.js";

/** @typedef {import("./schema_marks.js").Field} Field */

/** Texts that may be longer than this get several lines. */
const LONG_TEXT = 120;
/** @type {Record<string, string>} types of controls by the format of a text */
const CONTROLS = { date: "date", email: "email", uri: "url", "date-time": "text", password: "password" };
/** @type {Record<string, string>} */
const EXAMPLES = { "date-time": "2026-11-29T08:00:00Z", uri: "https://…", email: "ann@example.com" };

/** @param {Field} options @returns {any} */
export function plainField(options) {
  switch (kindOf(options.schema)) {
    case "string":
      return textField(options);
    case "number":
    case "integer":
      return numberField(options);
    case "boolean":
      return booleanField(options);
    case "enum":
      return enumField(options);
    case "const":
      return fixedField(options, options.schema.const);
    case "null":
      return fixedField(options, null);
    default:
      return anyField(options);
  }
}

/** A control with its label, what it is for, and what is wrong with it. @param {Field} options @param {any} control */
function framed({ schema, place, label, isRequired, problemAt }, control) {
  return html`<div class="field"><label for=${place.id}>${label}${isRequired ? required_() : null}</label>
    ${describe(schema.description)}${control}${problemOf(place, problemAt)}</div>`;
}

/** @param {Field} options */
function textField(options) {
  const { schema, place, isRequired, problemAt } = options;
  const shown = () => (typeof place.get() === "string" ? place.get() : "");
  // What is not needed and empty is not there.
  const set = (/** @type {any} */ event) => place.set(event.target.value === "" && !isRequired ? undefined : event.target.value);
  const isInvalid = () => (problemAt(place.path) ? "true" : null);
  const isLong = schema.format === "textarea" || schema.maxLength > LONG_TEXT || untracked(shown).includes("\n");
  if (isLong) {
    return framed(options, html`<textarea id=${place.id} rows="4" aria-describedby=${`${place.id}-problem`} aria-invalid=${isInvalid} .value=${shown}
        oninput=${set}></textarea>`);
  }
  return framed(
    options,
    html`<input id=${place.id} type=${schema.writeOnly ? "password" : (CONTROLS[schema.format] ?? "text")} placeholder=${EXAMPLES[schema.format] ?? ""}
        autocomplete="off" aria-describedby=${`${place.id}-problem`}
      aria-invalid=${isInvalid} .value=${shown} oninput=${set}>`,
  );
}

/** @param {Field} options */
function numberField(options) {
  const { schema, place, problemAt } = options;
  // What is typed stays as it is typed, also while it is no number yet.
  const typed = signal(untracked(place.get) === undefined ? "" : String(untracked(place.get)));
  effect(() => {
    const value = place.get();
    if (isNumber(value) && value !== typedNumber(typed.peek())) typed.value = String(value);
  });
  const set = (/** @type {any} */ event) => {
    typed.value = event.target.value;
    const text = typed.peek().trim().replace(",", ".");
    place.set(text === "" ? undefined : (typedNumber(text) ?? text));
  };
  const { minimum, maximum } = schema;
  const bounds = [minimum === undefined ? "" : `from ${minimum}`, maximum === undefined ? "" : `to ${maximum}`].filter(Boolean).join(" ");
  return framed(
    options,
    html`<input id=${place.id} type="text" inputmode=${kindOf(schema) === "integer" ? "numeric" : "decimal"} placeholder=${bounds} autocomplete="off"
        aria-describedby=${`${place.id}-problem`}
      aria-invalid=${() => (problemAt(place.path) ? "true" : null)} .value=${() => typed.value} oninput=${set}>`,
  );
}

/** @param {Field} options */
function booleanField(options) {
  const { schema, place, label, isRequired, problemAt } = options;
  if (!isRequired && !("default" in schema)) {
    return selectField(options, [
      { text: "yes", value: true },
      { text: "no", value: false },
    ]);
  }
  return html`<div class="field"><label><input id=${place.id} type="checkbox" .checked=${() => place.get() === true}
      onchange=${(/** @type {any} */ event) => place.set(event.target.checked)}>${label}</label>
    ${describe(schema.description)}${problemOf(place, problemAt)}</div>`;
}

/** @param {Field} options */
function enumField(options) {
  return selectField(
    options,
    options.schema.enum.map((/** @type {any} */ value) => ({ text: typeof value === "string" ? value : JSON.stringify(value), value })),
  );
}

/** @param {Field} options @param {Array<{text: string, value: any}>} choices */
function selectField(options, choices) {
  const { place, isRequired, problemAt } = options;
  const isChosen = (/** @type {any} */ value) => JSON.stringify(place.get()) === JSON.stringify(value);
  const set = (/** @type {any} */ event) => place.set(event.target.value === "" ? undefined : choices[Number(event.target.value)].value);
  return framed(
    options,
    html`<select id=${place.id} aria-describedby=${`${place.id}-problem`} aria-invalid=${() => (problemAt(place.path) ? "true" : null)} onchange=${set}>
      ${isRequired ? null : html`<option value="" .selected=${() => place.get() === undefined}>not set</option>`}
      ${choices.map(({ text, value }, at) => html`<option value=${at} .selected=${() => isChosen(value)}>${text}</option>`)}</select>`,
  );
}

/** @param {Field} options @param {any} value */
function fixedField({ schema, place, label }, value) {
  if (untracked(place.get) === undefined) place.set(value);
  return html`<div class="field"><span class="strong">${label}</span>${describe(schema.description)}<code>${JSON.stringify(value)}</code></div>`;
}

/** @param {Field} options */
function anyField({ schema, place, label, problemAt }) {
  // A value of its own between the field and the place: what is no JSON yet is not put there.
  const value = signal(untracked(place.get));
  effect(() => {
    const next = value.value;
    if (next !== undefined && next !== untracked(place.get)) place.set(next);
  });
  return html`<div>${describe(schema.description)}${jsonField({ value, label, rows: 3 }).element}${problemOf(place, problemAt)}</div>`;
}
