/**
 * A document of JSON as YAML that people like to edit. Pure.
 *
 * What the server's reader takes for something else in plain style (numbers, booleans, null, dates, what begins
 * with a mark) is quoted; text of several lines is a block.
 */
import { isObject } from "./json.js";

/** Texts that stand unquoted: they begin with a letter, and have nothing in them that YAML reads. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_ ./()+,;'=<>?!-]*$/;
/** Words that YAML, of one version or another, reads as something else. */
const WORDS = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf|infinity)$/i;

/** A longer key has a line of its own: a reader looks for its colon no further than this. */
const LONG_KEY = 1_000;

/** @param {unknown} value  of JSON @returns {string} */
export function toYaml(value) {
  return `${lines(value, 0).join("\n")}\n`;
}

/** @param {unknown} value @param {number} depth @returns {string[]} */
function lines(value, depth) {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((each) => entry("-", each, depth));
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, each]) => {
      const name = scalar(key);
      return name.length < LONG_KEY ? entry(`${name}:`, each, depth) : [`${pad(depth)}? ${name}`, ...entry(":", each, depth)];
    });
  }
  return [pad(depth) + scalar(value)];
}

/** One entry of a list or a mapping. @param {string} head @param {unknown} value @param {number} depth */
function entry(head, value, depth) {
  const isNested = (Array.isArray(value) && value.length > 0) || (isObject(value) && Object.keys(value).length > 0);
  if (isNested) {
    const below = lines(value, depth + 1);
    // The first line of what a dash holds stands beside it.
    if (head === "-") return [`${pad(depth)}- ${below[0].slice(pad(depth + 1).length)}`, ...below.slice(1)];
    return [pad(depth) + head, ...below];
  }
  if (typeof value === "string" && isBlock(value)) {
    const [mark, text] = value.endsWith("\n") ? ["|", value.slice(0, -1)] : ["|-", value];
    return [`${pad(depth)}${head} ${mark}`, ...text.split("\n").map((line) => (line ? pad(depth + 1) + line : ""))];
  }
  return [`${pad(depth)}${head} ${scalar(value)}`];
}

/** @param {unknown} value */
function scalar(value) {
  if (typeof value === "string") return PLAIN.test(value) && !WORDS.test(value) && !value.endsWith(" ") ? value : quoted(value);
  if (Array.isArray(value)) return "[]";
  return isObject(value) ? "{}" : JSON.stringify(value);
}

/** JSON's own form of a text is one of YAML's, once marks that only YAML breaks lines at are escaped. @param {string} text */
function quoted(text) {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Whether a text can be shown as lines: nothing in it that a block would lose. @param {string} text */
function isBlock(text) {
  return text.includes("\n") && !/^[ \t\n]|\n\n$|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|[ \t](?:\n|$)/.test(text);
}

/** @param {number} depth */
function pad(depth) {
  return "  ".repeat(depth);
}
