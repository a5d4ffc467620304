/** The history of a run, from its beginning. */
import { api } from "../../core/api.js";

const PAGE = 1_000;

/**
 * Read all events of a run that there are, in order. Raises ApiError.
 * @param {import("../../core/live_run.js").LiveRun} live
 * @param {import("../../core/api.js").Query} [which]  `node` and `type` of those that are wanted
 * @returns {Promise<import("../../core/reducer.js").RunEvent[]>}
 */
export async function everyEvent(live, which = {}) {
  const events = [];
  for (let after = 0; after !== null; ) {
    const page = await api.get(`${live.path}/history`, { ...which, after, limit: PAGE });
    events.push(...page.items);
    after = page.next_after;
  }
  return events;
}
