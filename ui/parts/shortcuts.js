/**
 * Keyboard shortcuts. Each combination is used once on a page, none is the browser's, and single letters do nothing
 * while a text field has the focus.
 */
import { onDispose } from "../core/view.js";

/** @typedef {{keys: string, does: string, run: (event: KeyboardEvent) => void}} Shortcut */

/** @type {Shortcut[]} */
const active = [];
let first = "";
let firstAt = 0;
/** Two letters belong together when the second comes within this time. */
const TOGETHER_MS = 1_000;

/** Add shortcuts for as long as what is being built stays. `keys` is `f`, `N`, `?`, or `g r`. @param {Shortcut[]} list */
export function shortcuts(list) {
  for (const { keys } of list) {
    if (active.some((other) => other.keys === keys)) throw new Error(`the keys '${keys}' are used twice`);
  }
  active.push(...list);
  onDispose(() => list.forEach((each) => active.splice(active.indexOf(each), 1)));
}

/** Listen for them. */
export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const pair = Date.now() - firstAt < TOGETHER_MS ? `${first} ${event.key}` : "";
    const found = active.find(({ keys }) => keys === pair) ?? active.find(({ keys }) => keys === event.key);
    [first, firstAt] = [event.key, Date.now()];
    if (found === undefined) return;
    event.preventDefault();
    found.run(event);
  });
}

/** Those of the page as it is. @returns {readonly Shortcut[]} */
export function activeShortcuts() {
  return [...active];
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  const isText = target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
  return isText || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
