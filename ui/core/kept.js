/** What this browser remembers of its reader, under a name. Where it may keep nothing, or no more, nothing is remembered. */

const PREFIX = "headrace.";

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage that is full or forbidden: the page works without it.
  }
}
