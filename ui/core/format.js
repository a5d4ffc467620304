/** Values as people read them. Pure. */

/** Shorten a text in the middle, where it matters least. @param {string} text @param {number} most characters */
export function shorten(text, most = 32) {
  const characters = [...text];
  if (characters.length <= most) return text;
  const front = Math.ceil((most - 1) / 2);
  return `${characters.slice(0, front).join("")}…${characters.slice(characters.length - (most - 1 - front)).join("")}`;
}

/**
 * The beginning of an execution's id, as far as it tells it from its neighbours: the time at which it was made, and some digits more. The
 * commands and a search find the execution by it.
 * @param {string} id
 */
export function shortId(id) {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/.test(id) ? id.slice(0, 18) : shorten(id, 18);
}

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

const NUMBERS = new Intl.NumberFormat("en-GB");

/** @param {number} value */
export function number(value) {
  return NUMBERS.format(value).replaceAll(",", "\u202f");
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1_024) return `${count} B`;
  if (count < 1_048_576) return `${(count / 1_024).toFixed(1)} KiB`;
  return `${(count / 1_048_576).toFixed(1)} MiB`;
}

/** @param {number | null | undefined} usd */
export function cost(usd) {
  if (usd === null || usd === undefined) return "";
  return usd !== 0 && usd < 0.01 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(2)}`;
}

/** A first letter in large. @param {string} text */
export function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * One line of a value, for a place where it is not shown whole.
 * @param {unknown} value  of JSON
 * @param {number} most  characters
 */
export function inOneLine(value, most = 120) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return shorten(text.replace(/\s+/g, " "), most);
}

/**
 * The fields of an object in one line, to be read: names and values, without the marks of JSON. What is deeper is JSON.
 * @param {unknown} value  of JSON
 * @param {number} most  characters
 */
export function fieldsInOneLine(value, most = 120) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return inOneLine(value, most);
  const fields = Object.entries(value).filter(([, each]) => each !== null);
  return inOneLine(fields.map(([name, each]) => `${name}: ${typeof each === "string" ? each : JSON.stringify(each)}`).join(", "), most);
}

/** The first line of an error: its type and its message. @param {{type?: string, message?: string} | null | undefined} error */
export function errorLine(error) {
  if (!error) return "";
  return [error.type, error.message].filter(Boolean).join(": ");
}

/** A text as one word of a POSIX shell: quoted where it has to be. @param {string} text */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
