/** When a node is tried again, and how long it may take. */
import { plural } from "../../core/format.js";
import { html, show } from "../../core/view.js";
import { jsonTree } from "../../parts/json_tree.js";
import { definitionOf, nodeIn } from "./definition.js";
import { handlerOf } from "./handlers.js";

/** @typedef {import("./unit.js").Unit} Unit */

/** The defaults of a policy. */
const USUAL = { max_attempts: 3, initial_interval: "1s", backoff_coefficient: 2, maximum_interval: "60s", jitter: "full" };
const LIMITS = ["start_to_close_timeout", "schedule_to_start_timeout", "schedule_to_close_timeout", "heartbeat_timeout"];
/** @type {Record<string, string>} */
const LIMIT_WORDS = {
  start_to_close_timeout: "One attempt",
  schedule_to_start_timeout: "Wait for a worker",
  schedule_to_close_timeout: "All attempts",
  heartbeat_timeout: "Between heartbeats",
};
/** @type {Record<string, string>} */
const JITTERS = { full: "anything up to that", equal: "the upper half of that", none: "exactly that" };

/** @type {Record<string, string>} */
const EXHAUSTED = { continue: "the nodes after it run all the same", pause: "the run pauses and waits for an operator" };

/** One rule in words. Pure. @param {Record<string, any>} rule @returns {string[]} */
export function ruleInWords(rule) {
  const { max_attempts: most, initial_interval: first, backoff_coefficient: factor, maximum_interval: longest, jitter } = { ...USUAL, ...rule };
  if (most === 1) return ["Tried once."];
  const growth = factor === 1 ? "" : `, ${factor} times as long before each further one, at most ${written(longest)}`;
  const names = (/** @type {string[] | undefined} */ list) => (list ?? []).join(", ");
  return [
    `Up to ${most} tries.`,
    `Waits ${written(first)} before the second${growth}: ${JITTERS[jitter] ?? jitter}.`,
    ...(rule.retry_on?.length ? [`Only after ${names(rule.retry_on)}.`] : []),
    ...(rule.non_retryable?.length ? [`Never after ${names(rule.non_retryable)}.`] : []),
    ...(rule.respect_retry_after === false ? ["Retry-After is ignored."] : []),
  ];
}

/** @param {Unit} unit */
export function retryTab(unit) {
  const definition = definitionOf(unit.live);
  const node = () => nodeIn(definition.answer.value, unit.base);
  const listed = handlerOf(unit.live, () => node()?.handler ?? "");
  const defaults = () => definition.answer.value?.defaults ?? {};
  /** The policy, and where it stands. */
  const policy = () => {
    if (node()?.retry) return { retry: node().retry, source: "of the node" };
    if (defaults().retry) return { retry: defaults().retry, source: "of the definition's defaults" };
    const own = listed.answer.value?.found?.retry ?? null;
    return own === null ? { retry: null, source: "" } : { retry: own, source: "of the handler" };
  };
  const limits = () => LIMITS.map((name) => [name, node()?.[name] ?? defaults()[name]]).filter(([, value]) => value !== undefined && value !== null);
  return show(
    () => node() !== null,
    () => html`<div class="stack">
      ${() => describe(policy())}
      ${() => (limits().length > 0 ? html`<section class="stack-tight"><h3>Time limits</h3><dl
          class="facts">${limits().map(([name, value]) => html`<dt>${LIMIT_WORDS[name]}</dt><dd>${written(value)}</dd>`)}</dl></section>` : null)}
      <dl class="facts">
        <dt>Tries</dt><dd>${() => `${unit.node()?.try ?? 0} of ${unit.node()?.max_attempts ?? 1}`}</dd>
        ${() => (node().catch ? html`<dt>When it fails</dt><dd>${node().catch.map((/** @type {any} */ each) => html`<div><bdi
            class="strong">${each.goto}</bdi> takes over after ${each.errors.join(", ")}</div>`)}</dd>` : null)}
        ${() => (node().critical === false ? html`<dt>Not critical</dt><dd>its failure does not fail the run</dd>` : null)}
        <dt>Trigger rule</dt><dd><code>${() => node().trigger_rule ?? "none_failed_min_one_success"}</code></dd>
        <dt>Queue</dt><dd><code>${() => node().queue ?? defaults().queue ?? "default"}</code></dd>
      </dl>
    </div>`,
    () => html`<p class="muted">${() => (definition.error.value?.message ?? (definition.answer.value === null ? "" : "The definition has no such node."))}</p>`,
  );
}

/** @param {{retry: any, source: string}} policy */
function describe({ retry, source }) {
  if (retry === null) return html`<p>Tried once: neither the node nor its handler has a retry policy.</p>`;
  const rules = Array.isArray(retry) ? retry : (retry.rules ?? null);
  const exhausted = Array.isArray(retry) ? null : (retry.on_exhausted ?? null);
  return html`<section class="stack-tight"><h3>Retry policy ${source}</h3>
    ${rules === null ? html`<p>${ruleInWords(retry).join(" ")}</p>` : html`<p>${plural(rules.length, "rule")}; the first that names the error decides.</p><ol
        class="bullets">${rules.map(
          (/** @type {any} */ rule) => html`<li><code>${(rule.errors ?? []).join(", ")}</code> ${ruleInWords(rule).join(" ")}</li>`,
        )}</ol>`}
    ${exhausted in EXHAUSTED ? html`<p>When it has failed for good, ${EXHAUSTED[exhausted]}.</p>` : null}
    ${jsonTree(() => retry, { label: "the policy", name: "retry" })}</section>`;
}

/** A duration as it is written in a definition. @param {any} value */
function written(value) {
  return typeof value === "number" ? `${value} s` : String(value);
}
