/** An answer of the server that is read again whenever what it depends on changes. */
import { ApiError, isReachable } from "./api.js";
import { effect, onDispose, signal, untracked } from "./view.js";

/**
 * @template T
 * @typedef {object} Asked
 * @property {import("./view.js").Signal<T | null>} answer  null until there is one
 * @property {import("./view.js").Signal<ApiError | null>} error  why the last question had none
 * @property {() => Promise<void>} again  asks now; over once the answer is there
 * @property {() => boolean} isAsking
 */

/**
 * Ask now, after each change of `keyOf`, and where there was no answer, once the server is back. One question is
 * under way at a time: what changes meanwhile is asked once when its answer has come, and an answer stays until the
 * next one is there.
 * @template T
 * @param {() => string | number | null} keyOf  null asks nothing
 * @param {() => Promise<T>} ask
 * @returns {Asked<T>}
 */
export function asked(keyOf, ask) {
  const answer = signal(/** @type {T | null} */ (null));
  const error = signal(/** @type {ApiError | null} */ (null));
  let [isAskedAgain, isOver] = [false, false];
  /** @type {Promise<void> | null} the question that is under way */
  let asking = null;
  onDispose(() => (isOver = true));
  function again() {
    isAskedAgain = true;
    return (asking ??= run().finally(() => (asking = null)));
  }
  async function run() {
    while (isAskedAgain && !isOver) {
      isAskedAgain = false;
      try {
        const found = await ask();
        if (isOver) return;
        answer.value = found;
        error.value = null;
      } catch (problem) {
        if (!(problem instanceof ApiError)) reportError(problem);
        else if (!isOver) error.value = problem;
      }
    }
  }
  effect(() => {
    if (keyOf() !== null) untracked(() => void again());
  });
  effect(() => {
    if (isReachable.value && error.peek() !== null) untracked(() => void again());
  });
  return { answer, error, again, isAsking: () => asking !== null };
}
