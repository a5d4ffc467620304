/** The text that is being written: kept over a reload while it is not saved, and not left by accident. */
import { guardLeaving } from "../../core/router.js";
import { context } from "../../core/session.js";
import { computed, effect, onDispose, signal } from "../../core/view.js";

/**
 * @typedef {object} Draft
 * @property {import("../../core/view.js").Signal<string>} text
 * @property {import("../../core/view.js").Signal<string>} saved  the text as the server has it
 * @property {import("../../core/view.js").Signal<string>} etag  of what the text was made from
 * @property {import("../../core/view.js").Computed<boolean>} isChanged
 * @property {import("../../core/view.js").Signal<boolean>} isFound  whether it is text that was left here before
 * @property {(workflow: string) => void} moveTo  it is the text of this workflow from now on
 * @property {() => void} letGo  leave without a question: what was written is kept elsewhere
 */

const PREFIX = "headrace.draft.";
const KEEP_MS = 200;
const QUESTION = "Your text is not saved. It is kept in this tab until you close it. Leave?";

/** @param {import("./subject.js").Subject} subject @returns {Draft} */
export function draftOf(subject) {
  // Whoever opens a session in this tab next is perhaps of another tenant.
  const tenant = context.peek()?.identity?.tenant ?? "";
  const keyOf = (/** @type {string} */ kind, /** @type {string} */ id) => `${PREFIX}${tenant}.${kind}.${id}`;
  let key = keyOf(subject.kind, subject.id);
  const found = kept(key);
  const text = signal(found?.text ?? subject.text);
  const saved = signal(subject.text);
  const etag = signal(found?.etag ?? subject.etag);
  const isFound = signal(found !== null && found.text !== subject.text);
  const isChanged = computed(() => text.value !== saved.value);
  let isGuarded = true;
  let timer = 0;
  const keep = () => {
    clearTimeout(timer);
    store(key, isChanged.value ? JSON.stringify({ text: text.peek(), etag: etag.peek() }) : null);
  };
  effect(() => {
    void [text.value, saved.value, etag.value];
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_MS);
  });
  const onUnload = (/** @type {BeforeUnloadEvent} */ event) => {
    keep();
    if (isGuarded && isChanged.peek()) event.preventDefault();
  };
  addEventListener("beforeunload", onUnload);
  const endGuard = guardLeaving(() => !isGuarded || !isChanged.peek() || confirm(QUESTION));
  onDispose(() => {
    removeEventListener("beforeunload", onUnload);
    endGuard();
    keep();
  });
  const moveTo = (/** @type {string} */ workflow) => {
    store(key, null);
    key = keyOf("workflow", workflow);
  };
  return { text, saved, etag, isChanged, isFound, moveTo, letGo: () => (isGuarded = false) };
}

/** @param {string} key @param {string | null} value  null removes it */
function store(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Full, or not allowed: then it does not survive a reload, and leaving asks all the same.
  }
}

/** @param {string} key @returns {{text: string, etag: string} | null} */
function kept(key) {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "null");
    return typeof found?.text === "string" ? { text: found.text, etag: String(found.etag ?? "") } : null;
  } catch {
    return null;
  }
}
