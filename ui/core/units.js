/** Ids of units: a node such as `fetch`, or an item of a mapped node such as `fetch[3]`. Pure. */

/** The node and the index of a unit; null of a node itself. @param {string} id @returns {{base: string, index: number | null}} */
export function partsOf(id) {
  const found = /^(.*)\[(\d+)\]$/s.exec(id);
  return found === null ? { base: id, index: null } : { base: found[1], index: Number(found[2]) };
}

/** The node of a unit: `fetch` of `fetch[3]`. @param {string | null | undefined} id */
export function nodeOf(id) {
  return id === null || id === undefined ? null : partsOf(id).base;
}
