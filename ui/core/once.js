/** Keeps a double click from doing the same thing twice. */

/**
 * Make a function that ignores calls while an earlier one is still running. A disabled button shows with the next
 * frame only, and a second click may come before.
 * @template {any[]} A @template R
 * @param {(...given: A) => R | Promise<R>} run
 * @returns {(...given: A) => Promise<R | undefined>}
 */
export function once(run) {
  let isRunning = false;
  return async (...given) => {
    if (isRunning) return undefined;
    isRunning = true;
    try {
      return await run(...given);
    } finally {
      isRunning = false;
    }
  };
}
