/** The last runs as bars: how long each took, and how it ended. */
import { colourOf, wordOf } from "../../core/statuses.js";
import { href } from "../../core/router.js";
import { duration, milliseconds, now } from "../../core/time.js";
import { each, html } from "../../core/view.js";
import { stateIcon } from "../../parts/status.js";

/** @param {() => Array<Record<string, any>>} rows  newest first */
export function histogram(rows) {
  const took = (/** @type {Record<string, any>} */ row) => {
    const start = milliseconds(row.started_at);
    return start === null ? 0 : (milliseconds(row.ended_at) ?? now.value) - start;
  };
  const longest = () => Math.max(1, ...rows().map(took));
  return html`<div class="histogram" role="list" aria-label="How long the last runs took, oldest first">${each(
    () => [...rows()].reverse(),
    (row) => row.execution_id,
    (row) => {
      const state = () => row.value.status.toLowerCase();
      const words = () => `${row.value.name}: ${wordOf(state())}, ${duration(took(row.value))}`;
      return html`<div role="listitem"><a href=${() => href(`/ui/runs/${encodeURIComponent(row.value.execution_id)}`)} aria-label=${words} title=${words}
          class=${() => `state-${colourOf(state())}`}>
        <i style=${() => ({ height: `${Math.max(6, (100 * took(row.value)) / longest())}%` })}></i>${stateIcon(state)}</a></div>`;
    },
  )}</div>`;
}
