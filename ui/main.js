/** Starts the page: reads the session, builds the frame, and shows the page that the address names. */
import { needsKey, watchServer } from "./core/api.js";
import { route, startRouter } from "./core/router.js";
import { readContext, visit } from "./core/session.js";
import { startClock } from "./core/time.js";
import { computed, effect, html, root, scope, signal } from "./core/view.js";
import { closeDialogs } from "./parts/dialog.js";
import { askForKey } from "./parts/key_dialog.js";
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

const content = signal(/** @type {any} */ (null));
/** Another page, object or session; what only the query says is the page's own affair. */
const place = computed(() => JSON.stringify([route.value.page, route.value.params, visit.value, needsKey.value]));
let leave = () => {};
let turn = 0;

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
  const { page, title } = await (needsKey.peek() ? import("./pages/locked.js") : (PAGES[at.page] ?? PAGES.unknown)());
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
  askForKey();
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
