/** Usage of the last 30 days: how runs ended, and calls of language models by day. */
import { api } from "../../core/api.js";
import { cost, number, plural } from "../../core/format.js";
import { poll } from "../../core/poll.js";
import { duration } from "../../core/time.js";
import { html, show } from "../../core/view.js";
import { table } from "../../parts/table.js";

export function usage() {
  const { value } = poll(async () => {
    const [calls, ends] = await Promise.all([api.get("/v1/usage", { days: 30 }), api.get("/v1/statistics")]);
    return { calls, ends };
  }, 30_000);
  const ends = () => value.value?.ends.executions;
  const perDay = () => value.value?.calls.days ?? [];
  return html`<section class="card stack"><h2>The last 30 days</h2>
    ${show(
      () => value.value !== null,
      () => html`<p>${() => endsInWords(ends())}</p>
        ${table({
          label: "Model calls by day",
          rows: perDay,
          keyOf: (day) => day.date,
          least: 560,
          height: "30vh",
          empty: () => html`<div class="empty">No model has been called.</div>`,
          columns: [
            { title: "Day (UTC)", width: "minmax(110px, 1fr)", cell: (day) => html`<time>${() => day().date}</time>` },
            { title: "Calls", width: "110px", isEnd: true, cell: (day) => html`<span class="number">${() => number(day().usage.calls)}</span>` },
            { title: "Tokens in", width: "120px", isEnd: true, cell: (day) => html`<span class="number">${() => number(day().usage.input)}</span>` },
            { title: "Tokens out", width: "120px", isEnd: true, cell: (day) => html`<span class="number">${() => number(day().usage.output)}</span>` },
            { title: "Cost", width: "110px", isEnd: true, cell: (day) => html`<span class="number">${() => cost(day().cost_usd)}</span>` },
          ],
        })}`,
    )}</section>`;
}

/** @param {Record<string, number>} ends */
function endsInWords({ total, completed, failed, cancelled, average_ms: average }) {
  const parts = `${number(completed)} completed, ${number(failed)} failed, ${number(cancelled)} cancelled`;
  return `${plural(total, "run")} ended: ${parts}${average ? `; ${duration(average)} on average` : ""}.`;
}
