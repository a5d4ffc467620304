/** What has no stream is asked for every few seconds, while its page is seen. */
import { ApiError } from "./api.js";
import { onDispose, signal } from "./view.js";

/**
 * Ask now, and again every few seconds until what is being built leaves.
 * @template T
 * @param {() => Promise<T>} read
 * @param {number} everyMs
 * @returns {{value: import("./view.js").Signal<T | null>, error: import("./view.js").Signal<ApiError | null>, again: () => Promise<void>}}
 *   value is null until the first answer, and stays while later ones fail
 */
export function poll(read, everyMs = 3_000) {
  const value = signal(/** @type {T | null} */ (null));
  const error = signal(/** @type {ApiError | null} */ (null));
  let isOver = false;
  let turn = 0;
  let isAsking = 0;
  async function again() {
    const mine = ++turn;
    isAsking += 1;
    try {
      const found = await read();
      if (isOver || mine !== turn) return;
      value.value = found;
      error.value = null;
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (!isOver && mine === turn) error.value = problem;
    } finally {
      isAsking -= 1;
    }
  }
  // An answer that takes longer than the pause is waited for: the next question would be in its way for ever.
  const timer = setInterval(() => document.hidden || isAsking > 0 || void again(), everyMs);
  onDispose(() => {
    isOver = true;
    clearInterval(timer);
  });
  void again();
  return { value, error, again };
}
