/**
 * JSON to look at: a tree that folds, with a search, and a reference to each value for templates.
 *
 * Folded entries are not in the page, and of a long list only the first hundred are: ten thousand cost nothing until
 * more are asked for.
 */
import { number, plural, shorten } from "../core/format.js";
import { isNumber } from "../core/json.js";
import { computed, each, html, show, signal, untracked } from "../core/view.js";
import { copyButton } from "./copy.js";
import { icon } from "./icons.js";

/** @typedef {Array<string | number>} Path */
/** @typedef {{from: number, to: number}} Range  `to` is not in it */
/**
 * @typedef {object} Tree
 * @property {string | undefined} reference
 * @property {(path: Path) => import("../core/view.js").Signal<boolean>} isOpen
 * @property {(path: Path) => import("../core/view.js").Signal<Range>} rangeOf  which entries of a value are in the page
 */

/** Entries that are added at once. */
const STEP = 100;
/** A longer text is cut, and shown whole on demand. */
const LONG_TEXT = 300;
/** From so many values on there is a search. */
const LARGE = 12;
const MOST_MATCHES = 200;
/** Of a longer text as it is, the beginning is shown; what is copied or downloaded is whole. */
const MOST_RAW = 200_000;
/** Names that mean something else in a template. */
const RESERVED = new Set(["steps", "inputs", "trigger", "execution", "item", "index", "secrets", "now", "range", "loop", "self"]);
const KEYWORDS = new Set(["and", "or", "not", "in", "is", "if", "else", "elif", "for", "set", "true", "false", "none", "True", "False", "None"]);
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** How templates name the output of a node, or of an item of it. @param {string} id @param {number | null} [index] */
export function outputReference(id, index = null) {
  const base = NAME.test(id) && !RESERVED.has(id) && !KEYWORDS.has(id) ? id : `steps[${JSON.stringify(id)}].output`;
  return index === null ? base : `${base}[${index}]`;
}

/** The template that gives a value. @param {string} reference  of what it is in @param {Path} path */
export function templateOf(reference, path) {
  const steps = path.map((part) => (typeof part === "number" ? `[${part}]` : NAME.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`));
  return `{{ ${reference}${steps.join("")} }}`;
}

/**
 * Find values by their key or their text. The first of them, in order.
 * @param {any} value @param {string} text @param {number} [most] @returns {Path[]}
 */
export function findIn(value, text, most = MOST_MATCHES) {
  const wanted = text.toLowerCase();
  /** @type {Path[]} */
  const found = [];
  /** @param {any} at @param {Path} path */
  const look = (at, path) => {
    if (found.length >= most) return;
    const key = path[path.length - 1];
    const isHere = !isContainer(at) && String(at).toLowerCase().includes(wanted);
    if (isHere || (typeof key === "string" && key.toLowerCase().includes(wanted))) found.push(path);
    if (Array.isArray(at)) at.forEach((inner, place) => look(inner, [...path, place]));
    else if (isContainer(at)) for (const [name, inner] of Object.entries(at)) look(inner, [...path, name]);
  };
  look(value, []);
  return found;
}

/**
 * @param {() => any} value  undefined shows nothing
 * @param {{reference?: string, label?: string, name?: string}} [how]
 *   reference: how templates name the value, see `outputReference`; label: what it is, to those who do not see
 *   where it stands; name: of the file when it is downloaded
 */
export function jsonTree(value, { reference, label = "JSON", name = "value" } = {}) {
  const isRaw = signal(false);
  const search = signal("");
  /** @type {Map<string, import("../core/view.js").Signal<boolean>>} */
  const open = new Map();
  /** @type {Map<string, import("../core/view.js").Signal<Range>>} */
  const ranges = new Map();
  /** @type {Tree} */
  const tree = {
    reference,
    isOpen: (path) => kept(open, path, path.length === 0),
    rangeOf: (path) => kept(ranges, path, { from: 0, to: STEP }),
  };
  const text = () => JSON.stringify(value(), null, 2) ?? "";
  const isLarge = computed(() => hasMoreThan(value(), LARGE));
  const matches = computed(() => (search.value === "" ? [] : findIn(value(), search.value)));
  /** Show a value that was found where it stands. @param {Path} path */
  const reveal = (path) => {
    path.forEach((part, at) => {
      const outer = path.slice(0, at);
      tree.isOpen(outer).value = true;
      const place = typeof part === "number" ? part : Object.keys(valueAt(value(), outer)).indexOf(part);
      const range = tree.rangeOf(outer);
      const { from, to } = range.peek();
      if (place < from || place >= to) range.value = { from: Math.max(0, place - STEP / 2), to: place + STEP / 2 };
    });
    search.value = "";
  };
  let timer = 0;
  const onSearch = (/** @type {Event} */ event) => {
    const wanted = /** @type {HTMLInputElement} */ (event.target).value.trim();
    clearTimeout(timer);
    timer = setTimeout(() => (search.value = wanted), 150);
  };
  return html`<div class="json" role="group" aria-label=${label}>
    <div class="row json-tools">
      ${show(
        () => isLarge.value && !isRaw.value,
        () => html`<input type="search" placeholder="Search" aria-label=${`Search ${label}`} .value=${() => search.value} oninput=${onSearch}>`,
      )}
      <span class="json-buttons">
        <button type="button" class="quiet" aria-pressed=${() => String(isRaw.value)} onclick=${() => (isRaw.value = !isRaw.peek())}>Raw</button>
        ${copyButton(text, `Copy ${label}`)}
        <button type="button" class="quiet icon-only" title=${`Download ${label}`} aria-label=${`Download ${label}`}
            onclick=${() => download(text(), `${name}.json`)}>${icon("download")}</button>
      </span>
    </div>
    ${() => {
      const whole = value();
      if (isRaw.value) return raw(text());
      if (search.value !== "") return matchList(matches.value, whole, tree, reveal);
      return untracked(() => html`<ul class="json-tree">${entry(null, whole, [], tree)}</ul>`);
    }}
  </div>`;
}

/** Let the browser save a text. @param {string} text @param {string} name */
export function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name.replace(/[^\w.\-[\]]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @template T @param {Map<string, import("../core/view.js").Signal<T>>} all @param {Path} path @param {T} first */
function kept(all, path, first) {
  const key = JSON.stringify(path);
  let found = all.get(key);
  if (found === undefined) all.set(key, (found = signal(first)));
  return found;
}

/** @param {any} value */
const isContainer = (value) => typeof value === "object" && value !== null;

/** @param {any} value @param {Path} path */
const valueAt = (value, path) => path.reduce((outer, part) => outer[part], value);

/** Whether there are more values in it than so many, without counting all of them. @param {any} value @param {number} most */
function hasMoreThan(value, most) {
  let left = most;
  /** @param {any} inner @returns {boolean} */
  const look = (inner) => {
    if (left-- <= 0) return true;
    return isContainer(inner) && (Array.isArray(inner) ? inner : Object.values(inner)).some(look);
  };
  return look(value);
}

/** One value, with all that is in it. @param {string | number | null} key @param {any} value @param {Path} path @param {Tree} tree @returns {any} */
function entry(key, value, path, tree) {
  const name = key === null ? null : html`<span class=${typeof key === "number" ? "json-index" : "json-key"}><bdi>${key}</bdi>:</span>`;
  if (!isContainer(value)) return html`<li><div class="json-line"><span class="json-gap"></span><span
      class="json-value">${name}${leaf(value)}</span>${referenceButton(path, tree)}</div></li>`;
  const keys = Array.isArray(value) ? null : Object.keys(value);
  const count = keys === null ? value.length : keys.length;
  const summary = summaryOf(value);
  if (count === 0) return html`<li><div class="json-line"><span class="json-gap"></span><span class="json-value">${name}<span
      class="muted">${keys === null ? "[]" : "{}"}</span></span>${referenceButton(path, tree)}</div></li>`;
  const isOpen = tree.isOpen(path);
  const range = tree.rangeOf(path);
  const end = () => Math.min(range.value.to, count);
  const numbered = () => Array.from({ length: end() - range.value.from }, (_, at) => range.value.from + at);
  /** @param {Range} next @param {number} missing */
  const more = (next, missing) =>
    html`<button type="button" class="as-link json-more"
        onclick=${() => (range.value = next)}>${number(Math.min(STEP, missing))} more of ${number(count)}</button>`;
  return html`<li>
    <div class="json-line"><button type="button" class="quiet json-toggle" aria-expanded=${() => String(isOpen.value)}
        aria-label=${`${key ?? "value"}, ${summary}`} onclick=${() => (isOpen.value = !isOpen.peek())}>${icon("chevron")}</button><span
            class="json-value">${name}<span class="muted">${summary}</span></span>${referenceButton(path, tree)}</div>
    ${show(
      () => isOpen.value,
      () => html`${() => (range.value.from > 0 ? more({ ...range.value, from: Math.max(0, range.value.from - STEP) }, range.value.from) : null)}<ul>${each(
          numbered,
          (at) => at,
          (at) => {
            const inner = keys === null ? at.peek() : keys[at.peek()];
            return entry(inner, value[inner], [...path, inner], tree);
          },
        )}</ul>
        ${() => (end() < count ? more({ ...range.value, to: range.value.to + STEP }, count - end()) : null)}`,
    )}
  </li>`;
}

/** @param {any} value  a list or an object */
function summaryOf(value) {
  return Array.isArray(value) ? `[${plural(value.length, "item")}]` : `{${plural(Object.keys(value).length, "key")}}`;
}

/** @param {any} value */
function leaf(value) {
  const kind = value === null ? "null" : isNumber(value) ? "number" : typeof value;
  if (typeof value !== "string") return html`<span class=${`json-${kind}`}>${String(value)}</span>`;
  if (value.length <= LONG_TEXT) return html`<span class="json-string text">${JSON.stringify(value)}</span>`;
  const isWhole = signal(false);
  return html`<span class="json-string text">${() => (isWhole.value ? value : `${JSON.stringify(value.slice(0, LONG_TEXT)).slice(0, -1)}…`)}</span>
    <button type="button" class="as-link" onclick=${() => (isWhole.value = !isWhole.peek())}>${() =>
      isWhole.value ? "less" : `more, ${number(value.length)} characters`}</button>`;
}

/** @param {Path} path @param {Tree} tree */
function referenceButton(path, { reference }) {
  return reference === undefined ? null : copyButton(() => templateOf(reference, path), `Copy reference ${shorten(templateOf(reference, path), 60)}`);
}

/** @param {string} text */
function raw(text) {
  const rest = text.length - MOST_RAW;
  return html`<pre class="json-raw text">${text.slice(0, MOST_RAW)}</pre>${rest > 0 ? html`<p
      class="muted">${number(rest)} more characters; copy or download the value to see them.</p>` : null}`;
}

/** @param {Path[]} found @param {any} value @param {Tree} tree @param {(path: Path) => void} reveal */
function matchList(found, value, tree, reveal) {
  if (found.length === 0) return html`<p class="muted">No match.</p>`;
  /** @param {Path} path */
  const row = (path) => {
    const found = valueAt(value, path);
    const words = isContainer(found) ? summaryOf(found) : leaf(found);
    return html`<li><div class="json-line"><button type="button" class="as-link mono" title="Show it in the tree"
        onclick=${() => reveal(path)}>${path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("") || "the value"}</button><span
            class="json-value">${words}</span>${referenceButton(path, tree)}</div></li>`;
  };
  return html`<p class="muted">${found.length < MOST_MATCHES ? plural(found.length, "place") : `The first ${MOST_MATCHES} places`}</p><ul
      class="json-tree">${found.map(row)}</ul>`;
}
