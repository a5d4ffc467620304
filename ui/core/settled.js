/** What somebody writes, once a pause is made. */
import { effect, onDispose, signal } from "./view.js";

const TYPING_MS = 250;

/** Follow a value, behind by as long as it keeps changing. @template T @param {() => T} value @returns {import("./view.js").Signal<T>} */
export function settled(value) {
  const found = signal(/** @type {any} */ (undefined));
  let isFirst = true;
  let timer = 0;
  effect(() => {
    const now = value();
    clearTimeout(timer);
    if (isFirst) found.value = now;
    else timer = setTimeout(() => (found.value = now), TYPING_MS);
    isFirst = false;
  });
  onDispose(() => clearTimeout(timer));
  return found;
}
