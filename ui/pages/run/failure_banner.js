/** Why a run failed, before everything else: the causes, and how much they kept from running. */
import { errorLine, plural } from "../../core/format.js";
import { computed, each, html, show, signal } from "../../core/view.js";
import { cutText } from "../../parts/cut_text.js";

/** Causes shown at first; characters of a message shown at first. */
const SHOWN = 3;
const LONG = 240;

/**
 * @param {import("../../core/live_run.js").LiveRun} live
 * @param {(id: string) => void} select
 */
export function failureBanner(live, select) {
  const all = signal(false);
  const failed = computed(() => (void live.version.value, live.run?.counts.get("failed") ?? 0));
  // A node fails once for good: while their number stays, they stay.
  const found = computed(() => (void failed.value, void live.shape.value, causesOf(live.run)));
  const causes = () => found.value;
  const kept = () => (void live.version.value, live.run?.counts.get("upstream_failed") ?? 0);
  const handled = () => (void failed.value, void live.shape.value, handledIn(live.run));
  const own = () => (void live.version.value, live.run?.execution.error ?? live.run?.execution.output_error ?? null);
  return show(
    () => causes().length > 0 || own() !== null,
    () => html`<section class="banner state-failed stack" aria-label="What failed">
      ${show(() => causes().length > 0, () => html`<h2>${() => plural(failed.value - handled(), "node")} failed</h2>`)}
      ${show(() => own() !== null, () => html`<p class="wrap"><bdi>${() => errorLine(own())}</bdi></p>`)}
      <ul class="stack-tight">${each(
        () => (all.value ? causes() : causes().slice(0, SHOWN)),
        (cause) => cause.node_id,
        (cause) => html`<li class="wrap"><button type="button" class="as-link strong" onclick=${() => select(cause.peek().node_id)}><bdi>${() =>
            cause.value.node_id}</bdi></button>
          ${cutText(() => errorLine(cause.value.error), LONG)}
          ${() => itemsOf(cause.value).first.map(({ index, error }) => html`<div><button type="button" class="as-link"
              onclick=${() => select(`${cause.peek().node_id}[${index}]`)}>item ${index}</button> ${cutText(() => errorLine(error), LONG)}</div>`)}
          <div class="muted">${() => moreOf(cause.value, live.node(cause.value.node_id))}</div></li>`,
      )}</ul>
      ${show(() => !all.value && causes().length > SHOWN, () => html`<button type="button" class="as-link" onclick=${() => (all.value = true)}>${() =>
          `${causes().length - SHOWN} more`}</button>`)}
      ${show(() => kept() > 0 && causes().length > 1, () =>
          html`<p class="muted">${() => `${plural(kept(), "more node", "more nodes")} never ran because of them.`}</p>`)}
      ${show(() => handled() > 0, () => html`<p class="muted">${() => `${plural(handled(), "more node", "more nodes")} failed, without failing the run.`}</p>`)}
    </section>`,
  );
}

/** Those of the view, and those that failed since it was read. @param {import("../../core/reducer.js").Run | null} run */
function causesOf(run) {
  if (run === null) return [];
  const known = (run.execution.root_causes ?? []).filter((/** @type {any} */ cause) => run.nodes.get(cause.node_id)?.status === "FAILED");
  const ids = new Set(known.map((/** @type {any} */ cause) => cause.node_id));
  if ((run.counts.get("failed") ?? 0) <= known.length) return known;
  const late = [...run.nodes.values()].filter(({ status, node_id: id }) => status === "FAILED" && !ids.has(id) && !run.handled.has(id));
  return [...known, ...late.slice(0, 50).map(({ node_id, error, attempt }) => ({ node_id, error, attempt, kept: 0 }))];
}

/** How many nodes failed without failing the run. @param {import("../../core/reducer.js").Run | null} run */
function handledIn(run) {
  return [...(run?.handled ?? [])].filter((id) => run?.nodes.get(id)?.status === "FAILED").length;
}

/**
 * Of a mapped node the first items that failed: why it did; and how many others.
 * @param {any} cause @returns {{first: Array<{index: number, error: any}>, more: number}}
 */
function itemsOf({ error }) {
  const all = error?.type === "ItemsFailed" ? error.details?.first : null;
  const first = Array.isArray(all) ? all.slice(0, SHOWN) : [];
  return { first, more: first.length > 0 ? (error.details.failed ?? first.length) - first.length : 0 };
}

/** @param {any} cause @param {import("../../core/reducer.js").RunNode} [node]  as it is now */
function moreOf(cause, node) {
  const { more } = itemsOf(cause);
  const tries = node && !node.items && node.try > 1 ? `after ${plural(node.try, "try", "tries")}` : "";
  const kept = cause.kept > 0 ? `${plural(cause.kept, "node")} never ran because of it` : "";
  return [more > 0 ? `${plural(more, "more item", "more items")} failed` : "", tries, kept].filter(Boolean).join(", ");
}
