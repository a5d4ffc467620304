/** The session: who is signed in, what the server is, and the feed of changes, shared by all pages. */
import { ApiError, api, needsKey } from "./api.js";
import { follow } from "./stream.js";
import { signal } from "./view.js";

/**
 * @typedef {object} Context
 * @property {string} environment
 * @property {string} version
 * @property {boolean} needs_key
 * @property {boolean} demo
 * @property {{tenant: string | null, scopes: string[], is_operator: boolean} | null} identity
 */

/** @type {import("./view.js").Signal<Context | null>} null until it is known */
export const context = signal(/** @type {Context | null} */ (null));
/** What waits for people, and what was given up. */
export const totals = signal({ approvals: 0, dead: 0 });
/** How the stream of lists is: its last state. */
export const feedState = signal("connecting");

/** Raised when another session may be there: nothing that was shown before counts any more. */
export const visit = signal(0);
/** Tabs of one browser have one session, and hear from each other what becomes of it. */
const tabs = new BroadcastChannel("headrace.session");
tabs.onmessage = () => void begin().catch(() => {});

/** @type {Set<{onExecution?: (row: any) => void, onRemoved?: (id: string) => void, onReady?: () => void}>} */
const listeners = new Set();
let users = 0;
let close = () => {};

/** Ask who we are. */
export async function readContext() {
  const found = /** @type {Context} */ (await api.get("/ui/context"));
  context.value = found;
  needsKey.value = found.identity === null && found.needs_key;
}

/** Ask who we are now, and let every page begin again. */
async function begin() {
  totals.value = { approvals: 0, dead: 0 };
  await readContext();
  visit.value++;
}

/** Whether a scope is there. @param {string} scope */
export function may(scope) {
  return context.value?.identity?.scopes.includes(scope) ?? false;
}

/** Whether pages of the operator are shown. */
export function isOperator() {
  return context.value?.identity?.is_operator ?? false;
}

/** Open a session with a key. Raises ApiError. @param {string} key */
export async function openSession(key) {
  await api.post("/ui/session", { key });
  await begin();
  tabs.postMessage("opened");
}

/** Forget the session. */
export async function closeSession() {
  await api.delete("/ui/session");
  await begin();
  tabs.postMessage("closed");
}

/**
 * Hear of executions as they change. The stream is open while a page listens and its tab is seen: a browser has
 * six connections to a server, and a run has a stream of its own.
 * @param {{onExecution?: (row: any) => void, onRemoved?: (id: string) => void, onReady?: () => void}} listener
 *   onReady: from here on nothing is missed, so that a list is read now
 * @returns {() => void} ends it
 */
export function listenToFeed(listener) {
  listeners.add(listener);
  if (users++ === 0) openFeed();
  return () => {
    listeners.delete(listener);
    if (--users === 0) close();
  };
}

function openFeed() {
  close();
  if (document.hidden) return;
  close = follow(() => "/v1/feed", {
    onState: (state) => (feedState.value = state),
    onError: (error) => {
      if (!(error instanceof ApiError)) throw error;
    },
    onEvents: (events) => {
      for (const { type, data } of events) {
        if (type === "totals") totals.value = data;
        for (const listener of listeners) {
          if (type === "ready") listener.onReady?.();
          else if (type === "execution") listener.onExecution?.(data);
          else if (type === "removed") listener.onRemoved?.(data.execution_id);
        }
      }
    },
  });
}

document.addEventListener("visibilitychange", () => {
  if (users > 0 && !document.hidden) openFeed();
  else close();
});
