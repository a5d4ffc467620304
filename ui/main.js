/** Starts the page: reads the session, builds the frame, and shows the page that the address names. */
import { needsKey, watchServer } from "./core/api.js";
import { route, startRouter } from "./core/router.js";
import { readContext, visit } from "./core/session.js";
import { startClock } from "./core/time.js";
import { computed, effect, html, root, scope, signal } from "./core/view.js";
import { notifyError } from "./parts/notices.js";
import { shell } from "./parts/shell.js";
import { startShortcuts } from "./parts/shortcuts.js";

/** @typedef {{page: (route: any) => any, title: string | ((params: any) => string)}} Page */

/** Each page is loaded when it is first opened. @type {Record<string, () => Promise<Page>>} */
const PAGES = {
  runs: () => import("./pages/runs.js"),
  run: () => import("./pages/run.js"),
  compare: () => import("./pages/compare.js"),
  workflows: () => import("./pages/workflows.js"),
  workflow: () => import("./pages/workflow.js"),
  edit: () => import("./pages/edit.js"),
  approvals: () => import("./pages/approvals.js"),
  schedules: () => import("./pages/schedules.js"),
  workers: () => import("./pages/workers.js"),
  dead: () => import("./pages/dead.js"),
  settings: () => import("./pages/settings.js"),
  unknown: () => import("./pages/unknown.js"),
};

/** Sheets beside those that every page needs. @type {Record<string, string[]>} */
const STYLES = {
  runs: ["runs"],
  run: ["graph", "run", "questions"],
  workflows: ["workflows"],
  workflow: ["graph", "workflows"],
  edit: ["graph", "edit"],
  approvals: ["questions"],
  schedules: ["workflows"],
};

const content = signal(/** @type {any} */ (null));
/** Another page, object or session; what only the query says is the page's own affair. */
const place = computed(() => JSON.stringify([route.value.page, route.value.params, visit.value, needsKey.value]));
/** Those that are there, or on their way, by their addresses. @type {Record<string, Promise<unknown>>} */
const sheets = {};
let leave = () => {};
let turn = 0;

/** Have a style sheet in the page, and wait for it. @param {string} name */
function loadStyles(name) {
  const { href } = new URL(`./styles/${name}.css`, import.meta.url);
  return (sheets[href] ??= new Promise((done, fail) => {
    const onerror = () => (delete sheets[href], fail(new Error(`cannot load ${href}`)));
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href, onload: done, onerror }));
  }));
}

/** Close what the page that is being left has opened: what it would do is no longer what one sees. */
function closeDialogs() {
  const open = /** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll("dialog[open]:not([data-stays])"));
  for (const dialog of open) dialog.close();
}

/** Take away what is shown, with its streams, and what it has opened over itself. */
function clear() {
  leave();
  leave = () => {};
  closeDialogs();
  content.value = null;
}

async function showPage() {
  const mine = ++turn;
  const at = route.peek();
  if (needsKey.peek()) clear();
  const isLocked = needsKey.peek();
  const [{ page, title }] = await Promise.all([
    isLocked ? import("./pages/locked.js") : (PAGES[at.page] ?? PAGES.unknown)(),
    ...(isLocked ? [] : (STYLES[at.page] ?? []).map(loadStyles)),
  ]);
  if (mine !== turn) return;
  clear();
  const [built, dispose] = scope(() => page(at));
  leave = dispose;
  document.title = `${typeof title === "string" ? title : title(at.params)} · Headrace`;
  content.value = built;
}

function start() {
  const app = /** @type {Element} */ (document.getElementById("app"));
  startClock();
  watchServer();
  startRouter();
  startShortcuts();
  root(app, () => html`${shell(() => content.value)}`);
  effect(() => {
    void place.value;
    void showPage().catch(notifyError);
  });
}

void readContext()
  .catch((error) => {
    if (!needsKey.peek()) notifyError(error);
  })
  .then(start);
