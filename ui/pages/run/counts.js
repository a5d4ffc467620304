/** How many nodes are in which state. Each count is a filter. */
import { number } from "../../core/format.js";
import { setQuery } from "../../core/router.js";
import { STATES, wordOf } from "../../core/statuses.js";
import { each, html } from "../../core/view.js";
import { stateIcon } from "../../parts/status.js";

/**
 * @param {import("../../core/live_run.js").LiveRun} live
 * @param {import("../../core/view.js").Computed<string | null>} filter
 */
export function countStrip(live, filter) {
  const counts = () => (void live.version.value, STATES.map((state) => ({ state, count: live.run?.counts.get(state) ?? 0 })).filter(({ count }) => count > 0));
  return html`<div class="row counts" role="group" aria-label="Nodes by state">${each(
    counts,
    ({ state }) => state,
    (item) => {
      const { state } = item.peek();
      return html`<button type="button" aria-pressed=${() => String(filter.value === state)}
          onclick=${() => setQuery({ state: filter.peek() === state ? null : state })}>
        ${stateIcon(() => state)}<span class="number">${() => number(item.value.count)}</span> ${wordOf(state)}</button>`;
    },
  )}</div>`;
}
