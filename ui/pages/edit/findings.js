/** What is wrong with the text, and what is likely a mistake: each leads to its line. */
import { plural } from "../../core/format.js";
import { html, show } from "../../core/view.js";
import { icon } from "../../parts/icons.js";
import { problemList } from "../../parts/problems.js";

const SHOWN = 100;

/**
 * @param {import("./checking.js").Checking} found @param {() => string} text
 * @param {(line: number, column?: number) => void} jumpTo
 * @param {string} id
 */
export function findings({ checked, error }, text, jumpTo, id) {
  const all = () => [
    ...(checked.value?.errors ?? []).map((each) => ({ ...each, isError: true })),
    ...(checked.value?.warnings ?? []).map((each) => ({ ...each, isError: false })),
  ];
  const summaryLine = () => {
    if (checked.value === null || checked.value.text !== text()) return "checking…";
    const { errors, warnings, summary } = checked.value;
    if (errors.length > 0) return `${plural(errors.length, "error")}: it cannot run yet`;
    return `Valid: ${plural(summary.nodes, "node")}${warnings.length > 0 ? `, ${plural(warnings.length, "warning")}` : ""}`;
  };
  return html`<div class="edit-below">
    <p class="muted" id=${id} role="status">${summaryLine}</p>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    <ul class="findings">${() =>
      all()
        .slice(0, SHOWN)
        .map(
          ({ isError, line, column, path, message, hint }) => html`<li class=${isError ? "error" : "warning"}><button type="button"
              onclick=${() => jumpTo(line ?? 1, column)}>${icon(isError ? "failed" : "warning")}
            <code>${line ? `${line}:${column ?? 1}` : (path ?? "")}</code><span><span class="visually-hidden">${isError ? "error: " : "warning: "}</span><span
                class="text">${message}</span>${hint ? html`<span class="muted text hint">${hint}</span>` : null}</span></button></li>`,
        )}</ul>
    ${() => (all().length > SHOWN ? html`<p class="muted">${`and ${all().length - SHOWN} more`}</p>` : null)}
  </div>`;
}
