/**
 * Calls of the server's public routes.
 *
 * The key never stands in an address: a session cookie that no script can read comes with each request by
 * itself. A 401 opens the question for a key, see `needsKey`.
 */
import { fromJson } from "./json.js";
import { href } from "./router.js";
import { setClockBy } from "./time.js";
import { signal } from "./view.js";

/** @typedef {{path?: string, message: string, line?: number, column?: number}} FieldProblem */
/** @typedef {{code?: string, title?: string, detail?: string, errors?: FieldProblem[], [more: string]: any}} Problem */

/** A call that the server refused, or that did not reach it (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Problem} problem  the body of the answer
   * @param {number | null} [retryAfterS]
   */
  constructor(status, problem, retryAfterS = null) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.status = status;
    this.body = problem;
    this.code = problem.code ?? "";
    this.title = problem.title ?? "";
    this.errors = problem.errors ?? [];
    this.retryAfterS = retryAfterS;
  }
}

/** Whether the server asks for a key. */
export const needsKey = signal(false);
/** Whether the last call reached the server, and it could work. */
export const isReachable = signal(true);
/** What a server says without its store, and a proxy without its server. */
const AWAY = new Set([502, 503, 504]);
/** When an answer came last, by the browser's clock of its own. */
let answeredAt = 0;
/** A page that asks for nothing, since its stream is quiet, looks this often whether the server can work. */
const LOOK_EVERY_MS = 6_000;
const LOOK_AGAIN_MS = 3_000;

/** Look after `isReachable` while nothing else does: a stream stays open also while the store is away. */
export function watchServer() {
  setInterval(() => {
    const isDue = performance.now() - answeredAt >= (isReachable.peek() ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
    if (isDue && !document.hidden) void api.get("/readyz").catch(() => {});
  }, LOOK_AGAIN_MS);
}

/** @typedef {Record<string, string | number | boolean | string[] | null | undefined>} Query */

export const api = {
  /** @param {string} path @param {Query} [query] @param {{signal?: AbortSignal}} [more] @returns {Promise<any>} */
  get: (path, query, more) => call("GET", withQuery(path, query), undefined, more),
  /** @param {string} path @param {unknown} [body] @param {{headers?: Record<string, string>, signal?: AbortSignal}} [more] @returns {Promise<any>} */
  post: (path, body, more) => call("POST", path, body, more),
  /** @param {string} path @param {unknown} [body] @param {{headers?: Record<string, string>}} [more] @returns {Promise<any>} */
  put: (path, body, more) => call("PUT", path, body, more),
  /** @param {string} path @param {unknown} [body] @param {{headers?: Record<string, string>}} [more] @returns {Promise<any>} */
  patch: (path, body, more) => call("PATCH", path, body, more),
  /** @param {string} path @param {{headers?: Record<string, string>}} [more] @returns {Promise<any>} */
  delete: (path, more) => call("DELETE", path, undefined, more),
};

/** @param {string} path @param {Query} [query] */
function withQuery(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") search.append(name, String(each));
    }
  }
  const text = search.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

/**
 * Ask the server, and give its answer whole. Raises ApiError.
 * @param {string} method @param {string} path @param {unknown} [body]
 * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [more]
 */
export async function send(method, path, body, { headers = {}, signal: stop } = {}) {
  const isText = typeof body === "string";
  const type = isText ? "application/yaml" : "application/json";
  let answer;
  try {
    answer = await fetch(href(path), {
      method,
      headers: { ...(body === undefined ? {} : { "Content-Type": type }), ...headers },
      body: body === undefined ? undefined : isText ? body : JSON.stringify(body),
      signal: stop,
    });
  } catch (error) {
    if (stop?.aborted) throw error;
    throw lost();
  }
  setClockBy(answer.headers.get("Date"));
  answeredAt = performance.now();
  isReachable.value = !AWAY.has(answer.status);
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== "/ui/session") needsKey.value = true;
  const retryAfter = Number(answer.headers.get("Retry-After"));
  throw new ApiError(answer.status, await problemOf(answer), Number.isFinite(retryAfter) ? retryAfter : null);
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {any} [more] */
async function call(method, path, body, more) {
  const answer = await send(method, path, body, more);
  if (answer.status === 204) return null;
  const type = answer.headers.get("Content-Type") ?? "";
  try {
    const text = await answer.text();
    return type.includes("json") ? fromJson(text) : text;
  } catch (error) {
    if (more?.signal?.aborted) throw error;
    // It broke off: as if there had been none.
    throw lost();
  }
}

function lost() {
  answeredAt = performance.now();
  isReachable.value = false;
  return new ApiError(0, { title: "No connection", detail: "the server cannot be reached" });
}

/** @param {Response} answer */
async function problemOf(answer) {
  try {
    const found = await answer.json();
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}
