/**
 * Which page a path means, and what the address says about it.
 *
 * `parse` and `hrefOf` are pure. What a page shows of itself (tab, selected node, filters) stands in the query,
 * so that a link gives the same picture again.
 */
import { signal } from "./view.js";

/** @typedef {{page: string, params: Record<string, string>, query: Record<string, string>}} Route */

/** @type {Array<[RegExp, string, string[]]>} path, page, names of its parts; the first that fits counts */
const ROUTES = [
  [/^\/(?:ui\/?)?$/, "runs", []],
  [/^\/ui\/runs\/?$/, "runs", []],
  [/^\/ui\/runs\/compare$/, "compare", []],
  [/^\/ui\/runs\/([^/]+)$/, "run", ["id"]],
  [/^\/ui\/workflows\/?$/, "workflows", []],
  [/^\/ui\/workflows\/([^/]+)$/, "workflow", ["name"]],
  [/^\/ui\/(edit|approvals|schedules|workers|dead|settings)$/, "", ["page"]],
];

/**
 * @param {string} path  without the prefix
 * @param {string} [search]  with its question mark
 * @returns {Route}
 */
export function parse(path, search = "") {
  const query = Object.fromEntries(new URLSearchParams(search));
  for (const [pattern, page, names] of ROUTES) {
    const found = pattern.exec(path);
    if (found === null) continue;
    const params = Object.fromEntries(names.map((name, at) => [name, decode(found[at + 1])]));
    return { page: page || params.page, params, query };
  }
  return { page: "unknown", params: { path }, query };
}

/**
 * @param {string} path  without the prefix, parts encoded
 * @param {Record<string, string | number | null | undefined>} [query]  what is empty is left out
 */
export function hrefOf(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** The prefix under which the server is reached, without a slash at its end. */
const rootPath = document.querySelector('meta[name="root-path"]')?.getAttribute("content") ?? "";

/** A path of the server as the browser asks for it. @param {string} path */
export function href(path) {
  return rootPath + path;
}

/** Where the page is. */
export const route = signal(here());

/** Asked before another page is gone to, with false to stay. */
let mayLeave = () => true;
let address = location.href;

/** Ask before this page is left. Gives the function that ends that. @param {() => boolean} ask */
export function guardLeaving(ask) {
  mayLeave = ask;
  return () => void (mayLeave = () => true);
}

/** Whether this is another page, or another object of the same page. @param {Route} next */
function isElsewhere(next) {
  const { page, params } = route.peek();
  return JSON.stringify([next.page, next.params]) !== JSON.stringify([page, params]);
}

/**
 * Go to another page, or to another view of this one.
 * @param {string} path  without the prefix
 * @param {{isReplaced?: boolean}} [how]  replaced: the way back does not lead through it
 */
export function go(path, { isReplaced = false } = {}) {
  const next = new URL(path, location.origin);
  if (isElsewhere(parse(next.pathname, next.search)) && !mayLeave()) return;
  history[isReplaced ? "replaceState" : "pushState"](null, "", href(path));
  address = location.href;
  route.value = here();
}

/**
 * Change what the address says about the page; empty values leave it.
 * @param {Record<string, string | number | null | undefined>} changes
 */
export function setQuery(changes) {
  const path = location.pathname.slice(rootPath.length);
  go(hrefOf(path, { ...route.peek().query, ...changes }), { isReplaced: true });
}

/** Let links within the page be followed without loading it, and follow the browser's own way back. */
export function startRouter() {
  addEventListener("popstate", () => {
    const next = here();
    // The browser has gone back already; who stays is put in front of it again.
    if (isElsewhere(next) && !mayLeave()) return history.pushState(null, "", address);
    address = location.href;
    route.value = next;
  });
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!(link instanceof HTMLAnchorElement) || !isPlain || event.defaultPrevented) return;
    if (link.target || link.download || link.origin !== location.origin || !isOurs(link.pathname)) return;
    event.preventDefault();
    go(link.pathname.slice(rootPath.length) + link.search);
  });
}

/** @param {string} path */
function isOurs(path) {
  const own = path.slice(rootPath.length);
  return path.startsWith(rootPath) && (own === "/" || (/^\/ui(\/|$)/.test(own) && !own.startsWith("/ui/static/")));
}

function here() {
  return parse(location.pathname.slice(rootPath.length) || "/", location.search);
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
