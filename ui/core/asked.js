/** An answer of the server that is read again whenever what it depends on changes. */
import { ApiError } from "./api.js";
import { effect, onDispose, signal, untracked } from "./view.js";

/**
 * @template T
 * @typedef {object} Asked
 * @property {import("./view.js").Signal<T | null>} answer  null until there is one
 * @property {import("./view.js").Signal<ApiError | null>} error  why the last question had none
 * @property {() => void} again  asks now
 */

/**
 * Ask now, and after each change of `keyOf`. One question is under way at a time: what changes meanwhile is asked
 * once when its answer has come, and an answer stays until the next one is there.
 * @template T
 * @param {() => string | number | null} keyOf  null asks nothing
 * @param {() => Promise<T>} ask
 * @returns {Asked<T>}
 */
export function asked(keyOf, ask) {
  const answer = signal(/** @type {T | null} */ (null));
  const error = signal(/** @type {ApiError | null} */ (null));
  let [isAsking, isAskedAgain, isOver] = [false, false, false];
  onDispose(() => (isOver = true));
  async function run() {
    isAskedAgain = true;
    if (isAsking) return;
    isAsking = true;
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
    isAsking = false;
  }
  effect(() => {
    if (keyOf() !== null) untracked(() => void run());
  });
  return { answer, error, again: () => void run() };
}
