/** The handlers that workers offer, read when a part of the page first asks for one. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";

/** @typedef {import("../../core/live_run.js").LiveRun} LiveRun */

/** @type {WeakMap<LiveRun, Promise<any[]>>} */
const read = new WeakMap();

/**
 * What the list of handlers has of one: `durable`, `retry` and more. `found` is null where it does not have it.
 * @param {LiveRun} live @param {() => string} name  followed; "" asks nothing
 */
export function handlerOf(live, name) {
  return asked(
    () => name() || null,
    async () => ({ found: (await find(live, name())) ?? (await findNow(live, name())) }),
  );
}

/** @param {LiveRun} live @param {string} name @returns {Promise<any>} */
async function find(live, name) {
  const known = (await read.get(live)) ?? [];
  return known.find((each) => each.name === name || each.aliases.includes(name)) ?? null;
}

/** The worker that has it may have come after the list was read. @param {LiveRun} live @param {string} name */
function findNow(live, name) {
  const list = api.get("/v1/handlers").then(({ items }) => items);
  read.set(live, list);
  list.catch(() => read.delete(live));
  return find(live, name);
}
