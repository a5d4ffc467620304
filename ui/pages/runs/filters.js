/** Filters of the list of runs: in the address, as chips, and as questions to the server. */
import { wordOf } from "../../core/statuses.js";
import { setQuery } from "../../core/router.js";
import { serverNow } from "../../core/time.js";
import { html } from "../../core/view.js";
import { number } from "../../core/format.js";
import { labelsAs, labelsIn } from "../../core/labels.js";
import { icon } from "../../parts/icons.js";
import { searchField } from "../../parts/search_field.js";
import { stateIcon } from "../../parts/status.js";

const STATUSES = ["RUNNING", "PAUSED", "FAILED", "COMPLETED", "CANCELLED", "PENDING"];

/**
 * What is asked for.
 * @typedef {object} Filters
 * @property {Record<string, any>} query  for `GET /v1/executions`
 * @property {string[]} statuses
 * @property {string} since  "" for any time
 * @property {Array<{text: string, without: Record<string, string | null>}>} chips  each filter, and the address without it
 * @property {Record<string, null>} none  the address without any
 */

/** @param {Record<string, string>} query  of the address @returns {Filters} */
export function filtersOf({ status = "", workflow = "", text = "", label = "", schedule = "", webhook = "", children = "", since = "" }) {
  const statuses = status.split(",").filter((each) => STATUSES.includes(each));
  const labels = labelsIn(label);
  /** @type {Filters["chips"]} */
  const chips = [
    ...(workflow ? [{ text: `workflow: ${workflow}`, without: { workflow: null } }] : []),
    ...(schedule ? [{ text: `schedule: ${schedule}`, without: { schedule: null } }] : []),
    ...(webhook ? [{ text: `webhook: ${webhook}`, without: { webhook: null } }] : []),
    ...(text ? [{ text: `text: ${text}`, without: { text: null } }] : []),
    ...labels.map((each) => ({ text: each, without: { label: labelsAs(labels.filter((other) => other !== each)) || null } })),
    ...(since ? [{ text: `since: ${since}`, without: { since: null } }] : []),
    ...(children ? [{ text: "with children", without: { children: null } }] : []),
    ...statuses.map((each) => ({ text: each.toLowerCase(), without: { status: statuses.filter((other) => other !== each).join(",") || null } })),
  ];
  const query = { status: statuses, workflow, text, label: labels, schedule, webhook, parent: children ? null : "none", created_after: sinceOf(since) };
  const known = query.created_after === null ? "" : since;
  const none = { status: null, workflow: null, text: null, label: null, schedule: null, webhook: null, since: null, children: null };
  return { query, statuses, since: known, chips, none };
}

/** Whether only the server knows what belongs in the list: rows do not say what has started them. @param {Filters} filters */
export function isOfStarter({ query }) {
  return Boolean(query.schedule || query.webhook);
}

/** Whether a row that the feed brought belongs in the list. @param {Record<string, any>} row @param {Filters} filters */
export function isWanted(row, { query, statuses }) {
  const words = [row.name, row.execution_id, row.execution_key ?? "", ...Object.values(row.labels)].join("\n").toLowerCase();
  return (
    (statuses.length === 0 || statuses.includes(row.status)) &&
    (query.parent === null || row.parent === null) &&
    (query.created_after === null || Date.parse(row.created_at) > Date.parse(query.created_after)) &&
    (!query.text || words.includes(query.text.toLowerCase())) &&
    // Only the server knows which id a name has.
    (!query.workflow || query.workflow === row.workflow_id || query.workflow === row.workflow) &&
    query.label.every((/** @type {string} */ label) => row.labels[label.slice(0, label.indexOf(":"))] === label.slice(label.indexOf(":") + 1))
  );
}

/**
 * @param {import("../../core/view.js").Computed<Filters>} filters
 * @param {import("../../core/view.js").Signal<Record<string, number>>} counts
 */
export function filterBar(filters, counts) {
  /** @param {string} status */
  const toggle = (status) => {
    const { statuses } = filters.peek();
    const next = statuses.includes(status) ? statuses.filter((each) => each !== status) : [...statuses, status];
    setQuery({ status: next.join(",") || null });
  };
  /** @param {string} status */
  const button = (status) =>
    html`<button type="button" class="quiet" aria-pressed=${() => String(filters.value.statuses.includes(status))} onclick=${() => toggle(status)}>
      ${stateIcon(() => status.toLowerCase())}${wordOf(status.toLowerCase())} <span
          class="muted number">${() => number(counts.value[status] ?? 0)}</span></button>`;
  return html`<div class="filters row" role="search">
      ${searchField({ label: "Filter by text", placeholder: "Title, id, key or label", text: () => filters.value.query.text })}
      <select aria-label="Since" .value=${() => filters.value.since} onchange=${(/** @type {Event} */ event) =>
          setQuery({ since: /** @type {HTMLSelectElement} */ (event.target).value || null })}>
        <option value="">Any time</option><option value="1h">Last hour</option><option value="24h">Last day</option><option value="7d">Last week</option>
      </select>
      <label><input type="checkbox" .checked=${() => filters.value.query.parent === null}
          onchange=${() => setQuery({ children: filters.peek().query.parent === null ? null : "1" })}>with children</label>
      <div class="row">${STATUSES.map(button)}</div>
    </div>
    <div class="row">${() =>
      filters.value.chips.map(
        ({ text, without }) => html`<button type="button" class="filter-chip" aria-label=${`Remove the filter ${text}`}
            onclick=${() => setQuery(without)}><bdi>${text}</bdi>${icon("close")}</button>`,
      )}</div>`;
}

/** @param {string} since @returns {string | null} */
function sinceOf(since) {
  const ms = new Map([["1h", 3_600_000], ["24h", 86_400_000], ["7d", 604_800_000]]).get(since);
  return ms ? new Date(serverNow() - ms).toISOString() : null;
}
