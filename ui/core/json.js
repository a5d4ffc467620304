/**
 * JSON as values of the page: objects, and integers of any length. Pure.
 *
 * An integer with more digits than a number keeps is a BigInt, and is written again as it was.
 */

/** Only of a text that has one, each value is looked at. */
const MAY_HAVE_LONG = /\d{16}/;
const INTEGER = /^-?\d+$/;
/** Browsers without it give no source of a value either. @type {(text: string) => unknown} */
const rawJSON = /** @type {any} */ (JSON).rawJSON ?? Number;

Object.defineProperty(BigInt.prototype, "toJSON", {
  value() {
    return rawJSON(String(this));
  },
});

/** @param {unknown} value @returns {value is number | bigint} */
export function isNumber(value) {
  return typeof value === "number" || typeof value === "bigint";
}

/** Raises SyntaxError. @param {string} text @returns {any} */
export function fromJson(text) {
  if (!MAY_HAVE_LONG.test(text)) return JSON.parse(text);
  const exact = (/** @type {string} */ _, /** @type {any} */ value, /** @type {{source?: string}} */ { source = "" } = {}) =>
    typeof value === "number" && !Number.isSafeInteger(value) && INTEGER.test(source) ? BigInt(source) : value;
  return JSON.parse(text, /** @type {any} */ (exact));
}

/** The number that somebody has typed; null where it is none. @param {string} text */
export function typedNumber(text) {
  const found = text === "" ? NaN : Number(text);
  if (!Number.isFinite(found)) return null;
  return Number.isSafeInteger(found) || !INTEGER.test(text) ? found : BigInt(text);
}

/** Whether a value is an object, and not null or an array. @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of an object; undefined where it has none of its own. @param {Record<string, any>} value @param {string} key */
export function own(value, key) {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The nodes of a definition, as they are written. @param {any} definition  as JSON; null while it is not known @returns {any[]} */
export function nodesIn(definition) {
  return definition?.nodes ?? definition?.dag?.nodes ?? [];
}
