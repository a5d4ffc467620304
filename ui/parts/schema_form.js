/**
 * A form from a JSON Schema, and the same value as JSON: both change one value.
 *
 * What the form has no field for stays in the value, and is edited as JSON.
 */
import { capitalised, plural } from "../core/format.js";
import { isObject, own } from "../core/json.js";
import { branchesOf, branchName, check, kindOf, resolved, startOf } from "../core/schema.js";
import { computed, each, html, show, signal, untracked } from "../core/view.js";
import { icon } from "./icons.js";
import { jsonField } from "./json_field.js";
import { plainField } from "./schema_fields.js";
import { describe, problemOf, required_ } from "./schema_marks.js";

/** @typedef {import("../core/schema.js").Schema} Schema */
/** @typedef {import("./schema_marks.js").Place} Place */
/** @typedef {import("./schema_marks.js").Field} Field */

/** Stands for no form at all, where a value may have several. */
const NOT_SET = -1;

let last = 0;

/**
 * @param {object} options
 * @param {Schema | null} options.schema  null takes anything
 * @param {import("../core/view.js").Signal<any>} options.value  begins with defaults where it is undefined
 * @param {string} options.label
 * @param {() => Array<{path?: string, message: string}>} [options.errors]  what the server found, followed
 * @returns {{element: any, problems: () => string[]}}
 */
export function schemaForm({ schema, value, label, errors = () => [] }) {
  const root = schema ?? {};
  const id = `form-${++last}`;
  if (value.peek() === undefined) value.value = startOf(root, root);
  if (schema === null || kindOf(resolved(root, root)) === "any") return jsonField({ value, label, rows: 8 });
  const asJson = signal(false);
  const problems = computed(() => check(root, value.value, root));
  const problemAt = (/** @type {string} */ path) =>
    problems.value.find((each) => each.path === path)?.message ??
    errors().find((each) => isAt(each.path, path))?.message ??
    "";
  /** @type {Place} */
  const place = { get: () => value.value, set: (next) => (value.value = next), path: "", id };
  let json = jsonField({ value, label, rows: 12 });
  const element = html`<div class="schema-form">
    <div class="row spread"><span class="muted">${() => (problems.value.length === 0 ? "" : plural(problems.value.length, "problem"))}</span>
      <button type="button" class="quiet" aria-pressed=${() => String(asJson.value)}
          onclick=${() => (asJson.value = !asJson.peek())}>${() => (asJson.value ? "As a form" : "As JSON")}</button></div>
    ${show(
      () => asJson.value,
      () => (json = jsonField({ value, label, rows: 12 })).element,
      () => field({ schema: resolved(root, root), root, place, label, isRequired: true, problemAt }),
    )}
  </div>`;
  const found = () => problems.value.map(({ path, message }) => `${path || label} ${message}`);
  return { element, problems: () => (asJson.value && json.problems().length > 0 ? json.problems() : found()) };
}

/** @param {Field} options @returns {any} */
function field(options) {
  const { schema } = options;
  switch (kindOf(schema)) {
    case "object":
      return objectField(options);
    case "array":
      return arrayField(options);
    case "choice":
      return choiceField(options);
    default:
      return plainField(options);
  }
}

/** @param {Field} options */
function objectField({ schema, root, place, label, isRequired, problemAt }) {
  const { properties = {}, required = [], additionalProperties: others = Object.keys(properties).length === 0 } = schema;
  const isThere = () => isObject(place.get());
  const known = Object.entries(properties).map(([name, given]) => {
    const each = resolved(given, root);
    return { name, each, isNeeded: required.includes(name) };
  });
  const rest = computed(() => Object.keys(isObject(place.get()) ? place.get() : {}).filter((name) => !Object.hasOwn(properties, name)));
  const fields = () => html`<div class="schema-fields">
    ${known.map(({ name, each: one, isNeeded }) => {
      const title = one.title ?? capitalised(name.replaceAll("_", " "));
      return field({ schema: one, root, place: placeOf(place, name), label: title, isRequired: isNeeded, problemAt });
    })}
    ${each(
      () => rest.value,
      (name) => name,
      (item, name) => html`<div class="row schema-extra">${field({
          schema: resolved(isObject(others) ? others : {}, root),
          root,
          place: placeOf(place, String(name)),
          label: String(name),
          isRequired: true,
          problemAt,
        })}
        <button type="button" class="quiet icon-only" aria-label=${`Remove ${name}`}
            onclick=${() => placeOf(place, String(name)).set(undefined)}>${icon("close")}</button></div>`,
    )}
    ${others ? addKey(place, root, others) : null}
  </div>`;
  const body = show(isThere, fields, () => html`<button type="button" onclick=${() => place.set(startOf(schema, root))}>${icon("plus")}Fill in</button>`);
  if (place.path === "") return html`<div>${describe(schema.description)}${body}</div>`;
  return html`<fieldset class="schema-group"><legend>${label}${isRequired ? required_() : null}</legend>
    <div class="row spread">${describe(schema.description) ?? html`<span></span>`}${show(
      () => !isRequired && isThere(),
      () => html`<button type="button" class="quiet" aria-label=${`Leave out ${label}`} onclick=${() => place.set(undefined)}>Leave out</button>`,
    )}</div>
    ${body}${problemOf(place, problemAt)}</fieldset>`;
}

/** @param {Field} options */
function arrayField({ schema, root, place, label, isRequired, problemAt }) {
  const items = () => (Array.isArray(place.get()) ? place.get() : []);
  const one = resolved(schema.items ?? {}, root);
  const count = computed(() => items().length);
  /** @param {number} at @param {number} to */
  const move = (at, to) => {
    const next = [...items()];
    next.splice(to, 0, ...next.splice(at, 1));
    place.set(next);
  };
  const remove = (/** @type {number} */ at) => place.set(items().toSpliced(at, 1));
  const add = () => place.set([...items(), startOf(one, root) ?? null]);
  return html`<fieldset class="schema-group"><legend>${label}${isRequired ? required_() : null}</legend>${describe(schema.description)}
    <ol class=${["object", "array", "choice"].includes(kindOf(one)) ? "schema-items" : "schema-items plain"}>${each(
      () => Array.from({ length: count.value }, (_, at) => at),
      (at) => at,
      (item) => {
        const at = item.peek();
        const name = `${label} ${at + 1}`;
        return html`<li class="row">${field({ schema: one, root, place: placeOf(place, at), label: name, isRequired: true, problemAt })}
          <span class="row"><button type="button" class="quiet icon-only" aria-label=${`Move ${name} up`} disabled=${at === 0}
              onclick=${() => move(at, at - 1)}>↑</button>
          <button type="button" class="quiet icon-only" aria-label=${`Move ${name} down`} disabled=${() => at === count.value - 1}
              onclick=${() => move(at, at + 1)}>↓</button>
          <button type="button" class="quiet icon-only" aria-label=${`Remove ${name}`} onclick=${() => remove(at)}>${icon("close")}</button></span></li>`;
      },
    )}</ol>
    <button type="button" onclick=${add}>${icon("plus")}Add</button>${problemOf(place, problemAt)}</fieldset>`;
}

/** @param {Field} options */
function choiceField({ schema, root, place, label, isRequired, problemAt }) {
  const branches = branchesOf(schema).map((branch) => resolved(branch, root));
  const fitting = branches.findIndex((branch) => place.get() !== undefined && check(branch, untracked(place.get), root).length === 0);
  const isLeftOut = !isRequired && untracked(place.get) === undefined;
  const chosen = signal(isLeftOut ? NOT_SET : Math.max(0, fitting));
  const choose = (/** @type {Event} */ event) => {
    chosen.value = Number(/** @type {HTMLSelectElement} */ (event.target).value);
    place.set(chosen.peek() === NOT_SET ? undefined : startOf(branches[chosen.peek()], root));
  };
  return html`<fieldset class="schema-group"><legend>${label}${isRequired ? required_() : null}</legend>${describe(schema.description)}
    <select aria-label=${`Form of ${label}`} onchange=${choose}>${isRequired ? null : html`<option value=${NOT_SET}
        selected=${isLeftOut}>not set</option>`}${branches.map((branch, at) => html`<option value=${at}
        selected=${at === chosen.peek()}>${branchName(branch, at)}</option>`)}</select>
    ${() => {
      const branch = branches[chosen.value];
      if (branch === undefined) return null;
      const inner = { ...place, id: `${place.id}-${chosen.peek()}` };
      return untracked(() => field({ schema: branch, root, place: inner, label: branch.title ?? label, isRequired, problemAt }));
    }}</fieldset>`;
}

/** @param {Place} place @param {Schema} root @param {any} others */
function addKey(place, root, others) {
  /** @type {HTMLInputElement} */
  let input;
  const add = () => {
    const name = input.value.trim();
    if (name === "" || own(place.get() ?? {}, name) !== undefined) return;
    placeOf(place, name).set(startOf(isObject(others) ? others : { type: "string" }, root) ?? null);
    input.value = "";
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  };
  return html`<div class="row"><input aria-label="Name of another field" placeholder="another field"
      ref=${(/** @type {HTMLInputElement} */ element) => (input = element)} onkeydown=${onKey}>
    <button type="button" onclick=${add}>${icon("plus")}Add</button></div>`;
}

/** A place within another. @param {Place} outer @param {string | number} key @returns {Place} */
function placeOf(outer, key) {
  const isIndex = typeof key === "number";
  return {
    get: () => {
      const value = outer.get();
      return isIndex ? value?.[key] : isObject(value) ? own(value, key) : undefined;
    },
    set: (next) => {
      const value = untracked(outer.get);
      if (isIndex) return outer.set((value ?? []).with(key, next));
      const { [key]: _, ...rest } = isObject(value) ? value : {};
      // A field that stays keeps its place among the others.
      outer.set(next === undefined ? rest : isObject(value) && Object.hasOwn(value, key) ? { ...value, [key]: next } : { ...rest, [key]: next });
    },
    path: isIndex ? `${outer.path}[${key}]` : outer.path ? `${outer.path}.${key}` : key,
    id: `${outer.id}-${isIndex ? key : key.replace(/\W/g, "_")}`,
  };
}

/** Whether a path of the server's, such as `inputs.rows[0]`, means a place of the form. @param {string | undefined} found @param {string} path */
function isAt(found, path) {
  return found !== undefined && path !== "" && (found === path || found.endsWith(`.${path}`));
}
