/** Places of nodes that a reader has moved, kept in the browser per version of a workflow. */

const PREFIX = "headrace.graph.";
/** Versions kept; the ones written longest ago make room. */
const KEPT = 40;

/**
 * @typedef {{x: number, y: number}} Place
 */

export class Positions {
  /** @param {string | null} key  of the workflow version; null keeps nothing beyond the page */
  constructor(key) {
    this.key = key === null ? null : PREFIX + key;
    /** @type {Map<string, Place>} */
    this.places = new Map(this.key === null ? [] : read(this.key));
  }

  /** @param {string} id @param {number} x @param {number} y */
  set(id, x, y) {
    this.places.set(id, { x: Math.round(x), y: Math.round(y) });
    this.save();
  }

  reset() {
    this.places.clear();
    this.save();
  }

  save() {
    if (this.key === null) return;
    try {
      localStorage.removeItem(this.key);
      if (!this.places.size) return;
      makeRoom();
      const rows = [...this.places].map(([id, place]) => [id, place.x, place.y]);
      localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), rows }));
    } catch {
      // Storage that is full or forbidden: the places last as long as the page.
    }
  }
}

/**
 * @param {string} key
 * @returns {[string, Place][]}
 */
function read(key) {
  try {
    const { rows } = JSON.parse(localStorage.getItem(key) ?? '{"rows": []}');
    return rows.map((/** @type {[string, number, number]} */ [id, x, y]) => [id, { x, y }]);
  } catch {
    return [];
  }
}

function makeRoom() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  if (keys.length < KEPT) return;
  const ages = keys.map((key) => [JSON.parse(localStorage.getItem(key) ?? "{}").at ?? 0, key]);
  ages.sort((a, b) => a[0] - b[0]);
  for (const [, key] of ages.slice(0, keys.length - KEPT + 1)) localStorage.removeItem(String(key));
}
