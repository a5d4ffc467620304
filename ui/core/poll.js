/** An answer of the server that is read again every few seconds while its page is seen, for what has no stream. */
import { asked } from "./asked.js";
import { onDispose } from "./view.js";

/**
 * Ask now, and again every few seconds until what is being built leaves.
 * @template T
 * @param {() => Promise<T>} read
 * @param {number} everyMs
 * @returns {{value: import("./view.js").Signal<T | null>, error: import("./asked.js").Asked<T>["error"], again: () => Promise<void>}}
 *   value is null until the first answer, and stays while later ones fail
 */
export function poll(read, everyMs) {
  const { answer: value, error, again, isAsking } = asked(() => "", read);
  // A slow answer is waited for: requests that overlap would only make it slower.
  const timer = setInterval(() => document.hidden || isAsking() || void again(), everyMs);
  onDispose(() => clearInterval(timer));
  return { value, error, again };
}
