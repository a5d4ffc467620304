/** A list of the server as a whole, which comes in pages. */
import { api } from "./api.js";

/**
 * Read every page of a list.
 * @param {string} path @param {import("./api.js").Query} [query] @param {number} [most] items
 * @returns {Promise<any[]>}
 */
export async function everyPage(path, query = {}, most = 1_000) {
  /** @type {any[]} */
  const items = [];
  let cursor = null;
  do {
    const page = await api.get(path, { ...query, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && items.length < most);
  return items;
}
