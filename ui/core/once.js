/** One wish, one effect: pressed twice, a button does what it says once. */

/**
 * Make a function that does nothing while it is still at it. That a button is off shows with the next frame
 * only, and a second click may come before.
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
