/** Objects of JSON. Pure. */

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
