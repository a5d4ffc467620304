/**
 * What a JSON Schema asks for: enough of it to draw a form, and to say at once what is wrong. Pure.
 *
 * The server has the last word: what is not checked here (formats, conditions between fields) is checked there.
 */
import { isNumber, isObject, own } from "./json.js";

/** @typedef {Record<string, any>} Schema */
/** @typedef {"string" | "number" | "integer" | "boolean" | "null" | "array" | "object" | "choice" | "enum" | "const" | "any"} Kind */
/** @typedef {{path: string, message: string}} SchemaProblem */

/** References that lead to references end here. */
const MOST_STEPS = 20;
/** A form of more levels than this is filled in level by level. */
const MOST_DEPTH = 12;
const TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"];

/** Follow a reference within the document. @param {any} schema @param {Schema} root @returns {Schema} */
export function resolved(schema, root) {
  let found = schema;
  for (let step = 0; isObject(found) && typeof found.$ref === "string" && step < MOST_STEPS; step++) {
    const parts = found.$ref.startsWith("#/") ? found.$ref.slice(2).split("/") : [];
    const target = parts.reduce((/** @type {any} */ at, part) => (isObject(at) ? own(at, part.replaceAll("~1", "/").replaceAll("~0", "~")) : undefined), root);
    const { $ref: _, ...beside } = found;
    found = isObject(target) ? { ...target, ...beside } : beside;
  }
  return isObject(found) ? found : {};
}

/** What kind of field a schema is. @param {Schema} schema @returns {Kind} */
export function kindOf(schema) {
  if ("const" in schema) return "const";
  if (Array.isArray(schema.enum)) return "enum";
  if (branchesOf(schema).length > 1) return "choice";
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (TYPES.includes(type)) return type;
  if (schema.properties) return "object";
  return schema.items ? "array" : "any";
}

/** The forms a value may have, one of which is chosen. @param {Schema} schema @returns {Schema[]} */
export function branchesOf(schema) {
  const { oneOf, anyOf, title: _, description: __, ...rest } = schema;
  const branches = oneOf ?? anyOf;
  if (Array.isArray(branches)) return branches;
  return Array.isArray(schema.type) && schema.type.length > 1 ? schema.type.map((type) => ({ ...rest, type })) : [schema];
}

/** A name for one of these forms. @param {Schema} schema @param {number} at */
export function branchName(schema, at) {
  const kind = kindOf(schema);
  return schema.title ?? (kind === "const" ? JSON.stringify(schema.const) : kind === "any" ? `form ${at + 1}` : kind);
}

/**
 * A value to begin with: the default, or the least there can be; undefined where nothing needs to be there, and
 * within a schema that needs itself without end.
 * @param {any} given @param {Schema} root @param {boolean} [isRequired] @param {number} [depth]
 * @returns {any}
 */
export function startOf(given, root, isRequired = true, depth = 0) {
  const schema = resolved(given, root);
  if ("default" in schema) return structuredClone(schema.default);
  if (!isRequired || depth > MOST_DEPTH) return undefined;
  switch (kindOf(schema)) {
    case "const":
      return schema.const;
    case "enum":
      return schema.enum[0];
    case "choice":
      return startOf(branchesOf(schema)[0], root, true, depth + 1);
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .map(([name, each]) => [name, startOf(each, root, (schema.required ?? []).includes(name), depth + 1)])
          .filter(([, value]) => value !== undefined),
      );
    case "array":
      return Array.from({ length: Math.min(schema.minItems ?? 0, 20) }, () => startOf(schema.items ?? {}, root, true, depth + 1));
    case "boolean":
      return false;
    case "null":
      return null;
    case "string":
      return "";
    default:
      return undefined;
  }
}

/**
 * Say what is wrong with a value.
 * @param {any} given @param {any} value @param {Schema} root @param {string} [path]
 * @returns {SchemaProblem[]}
 */
export function check(given, value, root, path = "") {
  const schema = resolved(given, root);
  /** @param {string} message */
  const wrong = (message) => [{ path, message }];
  if (value === undefined) return wrong("is missing");
  if ("const" in schema) return equal(value, schema.const) ? [] : wrong(`must be ${JSON.stringify(schema.const)}`);
  if (Array.isArray(schema.enum)) {
    const words = schema.enum.map((each) => JSON.stringify(each)).join(", ");
    return schema.enum.some((each) => equal(each, value)) ? [] : wrong(`must be one of ${words}`);
  }
  const branches = branchesOf(schema);
  if (branches.length > 1) {
    const found = branches.map((branch) => check(branch, value, root, path));
    // What is nearest: the form with the fewest things wrong.
    return found.reduce((best, each) => (each.length < best.length ? each : best));
  }
  if (schema.type !== undefined && !hasType(schema.type, value)) return wrong(`must be ${wordOfType(schema.type)}; found ${wordOfValue(value)}`);
  if (typeof value === "string") return textProblems(schema, value).flatMap(wrong);
  if (isNumber(value)) return numberProblems(schema, value).flatMap(wrong);
  if (Array.isArray(value)) {
    const within = value.flatMap((each, at) => check(schema.items ?? {}, each, root, `${path}[${at}]`));
    return [...listProblems(schema, value).flatMap(wrong), ...within];
  }
  return isObject(value) ? fieldProblems(schema, value, root, path) : [];
}

/** @param {Schema} schema @param {Record<string, any>} value @param {Schema} root @param {string} path */
function fieldProblems(schema, value, root, path) {
  const { properties = {}, required = [], additionalProperties: others = true } = schema;
  const place = (/** @type {string} */ name) => (path ? `${path}.${name}` : name);
  const missing = /** @type {string[]} */ (required)
    .filter((name) => own(value, name) === undefined)
    .map((name) => ({ path: place(name), message: "is missing" }));
  const wrong = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .flatMap(([name, each]) => {
      if (Object.hasOwn(properties, name)) return check(properties[name], each, root, place(name));
      if (others === false) return [{ path: place(name), message: `is not allowed here; allowed: ${Object.keys(properties).join(", ") || "nothing"}` }];
      return isObject(others) ? check(others, each, root, place(name)) : [];
    });
  return [...missing, ...wrong];
}

/** @param {Schema} schema @param {string} text @returns {string[]} */
function textProblems({ minLength, maxLength, pattern }, text) {
  const length = [...text].length;
  return [
    ...(length < minLength ? [minLength === 1 ? "must not be empty" : `must have at least ${minLength} characters; found ${length}`] : []),
    ...(length > maxLength ? [`must have at most ${maxLength} characters; found ${length}`] : []),
    ...(pattern !== undefined && !fits(pattern, text) ? [`must match ${pattern}`] : []),
  ];
}

/** @param {Schema} schema @param {number | bigint} number @returns {string[]} */
function numberProblems({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }, number) {
  const part = multipleOf ? Number(number) / multipleOf : 0;
  return [
    ...(number < minimum ? [`must be at least ${minimum}`] : []),
    ...(number > maximum ? [`must be at most ${maximum}`] : []),
    ...(number <= exclusiveMinimum ? [`must be more than ${exclusiveMinimum}`] : []),
    ...(number >= exclusiveMaximum ? [`must be less than ${exclusiveMaximum}`] : []),
    ...(Math.abs(part - Math.round(part)) > 1e-9 ? [`must be a multiple of ${multipleOf}`] : []),
  ];
}

/** @param {Schema} schema @param {any[]} list @returns {string[]} */
function listProblems({ minItems, maxItems, uniqueItems }, list) {
  return [
    ...(list.length < minItems ? [`must have at least ${minItems} items; found ${list.length}`] : []),
    ...(list.length > maxItems ? [`must have at most ${maxItems} items; found ${list.length}`] : []),
    ...(uniqueItems && new Set(list.map(sorted)).size < list.length ? ["must not have the same item twice"] : []),
  ];
}

/** @param {string | string[]} type @param {unknown} value */
function hasType(type, value) {
  const types = Array.isArray(type) ? type : [type];
  return types.some((each) => each === wordOfValue(value) || (each === "integer" && (typeof value === "bigint" || Number.isInteger(value))));
}

/** @param {unknown} value */
function wordOfValue(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return isNumber(value) ? "number" : typeof value;
}

/** @param {string | string[]} type */
function wordOfType(type) {
  const words = (Array.isArray(type) ? type : [type]).map((each) => (/^[aio]/.test(each) ? `an ${each}` : each === "null" ? "null" : `a ${each}`));
  return words.join(" or ");
}

/** A pattern that this browser does not read is left to the server. @param {string} pattern @param {string} text */
function fits(pattern, text) {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

/** @param {unknown} a @param {unknown} b */
function equal(a, b) {
  return sorted(a) === sorted(b);
}

/** A value as text, the same whatever the order of its keys. @param {unknown} value */
function sorted(value) {
  const inOrder = (/** @type {Record<string, any>} */ found) => Object.fromEntries(Object.entries(found).sort(([one], [other]) => (one < other ? -1 : 1)));
  return JSON.stringify(value, (_, each) => (isObject(each) ? inOrder(each) : each));
}
