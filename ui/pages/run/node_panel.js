/**
 * What is known of one node, or of one item of a mapped node: beside the run, while one is chosen.
 *
 * From the top: what it is, what it waits for and what can be done, why it failed, its attempts, its items; then
 * tabs with what is long. Which tab and which attempt are looked at stands in the address.
 */
import { number, shortId } from "../../core/format.js";
import { href, hrefOf, route, setQuery } from "../../core/router.js";
import { may } from "../../core/session.js";
import { tryWords } from "../../core/statuses.js";
import { milliseconds, now } from "../../core/time.js";
import { computed, html, show, untracked } from "../../core/view.js";
import { approvalCard } from "../../parts/approval_card.js";
import { icon } from "../../parts/icons.js";
import { problemList } from "../../parts/problems.js";
import { shortcuts } from "../../parts/shortcuts.js";
import { signalForm, signalOffers } from "../../parts/signal_form.js";
import { statusChip } from "../../parts/status.js";
import { tabs } from "../../parts/tabs.js";
import { attemptsView } from "./attempts.js";
import { definitionOf } from "./definition.js";
import { durableOf, takesLetters } from "./durable.js";
import { errorView } from "./error_view.js";
import { nodeEventsTab } from "./node_events_tab.js";
import { HTTP_HANDLERS, httpTab } from "./http_tab.js";
import { itemsView } from "./items.js";
import { journalTab } from "./journal_tab.js";
import { letterForm } from "./letter_form.js";
import { llmTab } from "./llm_tab.js";
import { logsTab } from "./logs_tab.js";
import { inputTab, outputTab } from "./output_tab.js";
import { retryTab } from "./retry_tab.js";
import { unitOf } from "./unit.js";
import { waitingView } from "./waiting.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {import("./unit.js").Attempt} Attempt */

/**
 * @param {object} options
 * @param {import("../../core/live_run.js").LiveRun} options.live
 * @param {() => string} options.nodeId  or an item, `fetch[3]`
 * @param {() => void} options.onClose
 * @param {(id: string) => void} options.onSelect  another node or item is to be looked at
 */
export function nodePanel({ live, nodeId, onClose, onSelect }) {
  /** The steps of `[` and `]`, of the unit that is shown. */
  let step = (/** @type {number} */ _by) => {};
  shortcuts([
    { keys: "[", does: "previous attempt of the node", run: () => step(-1) },
    { keys: "]", does: "next attempt of the node", run: () => step(1) },
  ]);
  const id = computed(nodeId);
  /** @type {string | null} */
  let before = null;
  return html`<div class="node-panel">${() => {
    const current = id.value;
    return untracked(() => {
      const unit = unitOf(live, current);
      // The number of an attempt means nothing of another node.
      if (before !== null && route.value.query.attempt) queueMicrotask(() => setQuery({ attempt: null }));
      before = unit.id;
      const choice = choiceOf(unit);
      step = choice.step;
      return content(unit, choice, onClose, onSelect);
    });
  }}</div>`;
}

/** Which attempt is looked at: the newest, or the one that the address names. @param {Unit} unit */
function choiceOf(unit) {
  const all = () => unit.attempts.answer.value?.items ?? [];
  const chosen = () => {
    const wanted = Number(route.value.query.attempt);
    return all().find(({ attempt }) => attempt === wanted) ?? all().at(-1) ?? null;
  };
  /** @param {number} attempt */
  const choose = (attempt) => setQuery({ attempt: attempt === all().at(-1)?.attempt ? null : attempt });
  /** @param {number} by */
  const step = (by) => {
    const list = all();
    const at = list.findIndex(({ attempt }) => attempt === chosen()?.attempt) + by;
    if (at >= 0 && at < list.length) choose(list[at].attempt);
  };
  return { all, chosen, choose, step };
}

/** @param {Unit} unit @param {ReturnType<typeof choiceOf>} choice @param {() => void} onClose @param {(id: string) => void} onSelect */
function content(unit, choice, onClose, onSelect) {
  const isNewest = () => choice.chosen() === (choice.all().at(-1) ?? null);
  // The view has the error of the newest attempt at once; of another one its own is shown.
  const error = computed(() => {
    const found = isNewest() ? (unit.node()?.error ?? choice.chosen()?.error) : choice.chosen()?.error;
    return found ? JSON.stringify(found) : null;
  });
  const failure = () => unit.failures.map(({ value }) => value).find((each) => each !== null) ?? null;
  const isCut = () => unit.attempts.answer.value?.truncated ?? false;
  const isDurable = durableOf(unit);
  const endOf = () => milliseconds(unit.node()?.ended_at) ?? now.value;
  return html`${heading(unit, onClose, onSelect)}
    ${show(
      () => !unit.isThere.value,
      () => html`<p class="muted">${() => (unit.live.run === null || unit.live.version.value === 0 ? "" : "There is no such node in this run.")}</p>`,
      () => html`<div class="stack">
        ${show(() => failure() !== null, () => problemList(failure))}
        ${waitingView(unit, onSelect)}
        ${() => {
          const found = error.value;
          return found === null ? null : untracked(() => errorView(JSON.parse(found)));
        }}
        ${human(unit, isDurable)}
        ${show(
          () => choice.all().length > 0,
          () => attemptsView({ attempts: choice.all, isCut, chosen: choice.chosen, onChoose: choice.choose, endOf }),
        )}
        ${show(() => unit.index === null && unit.node()?.items != null, () => itemsView(unit, onSelect))}
        ${tabsOf(unit, choice, isDurable)}
      </div>`,
    )}`;
}

/** @param {Unit} unit @param {() => void} onClose @param {(id: string) => void} onSelect */
function heading(unit, onClose, onSelect) {
  const node = unit.node;
  const progress = () => node()?.progress ?? null;
  const total = () => unit.parent()?.items?.total ?? 0;
  const tries = () => tryWords(node());
  return html`<header class="panel-head">
    <div class="row spread nowrap"><h2><bdi>${unit.id}</bdi></h2><button type="button" class="quiet icon-only" aria-label="Close the panel"
        title="Close (Esc)" onclick=${onClose}>${icon("close")}</button></div>
    <div class="row">${statusChip(() => unit.state.value)}<span class="muted mono text">${() => node()?.handler ?? unit.parent()?.handler ?? ""}</span><span
        class="muted number">${tries}</span>
      ${show(() => node()?.reused ?? false, () => html`<span class="tag"
          title="Reused from the run that this one was forked from; it did not run here">reused</span>`)}
      ${show(() => Boolean(node()?.child), () => html`<a
          href=${() => href(`/ui/runs/${encodeURIComponent(node()?.child ?? "")}`)}>child ${() => shortId(node()?.child ?? "")}</a>`)}
      ${show(() => may("run"), () => html`<a class="button beside" title="Starts a new run from this node, after a preview; what is before it is kept"
          href=${href(hrefOf("/ui/edit", { run: unit.live.id, node: unit.base }))}>Fork from here</a>`)}</div>
    ${unit.index === null ? null : html`<nav class="row" aria-label="Items">
      <button type="button" class="as-link" onclick=${() => onSelect(unit.base)}>all items of <bdi>${unit.base}</bdi></button>
      <button type="button" class="quiet" disabled=${unit.index === 0}
          onclick=${() => onSelect(`${unit.base}[${/** @type {number} */ (unit.index) - 1}]`)}>previous</button>
      <button type="button" class="quiet" disabled=${() => /** @type {number} */ (unit.index) + 1 >= total()}
          onclick=${() => onSelect(`${unit.base}[${/** @type {number} */ (unit.index) + 1}]`)}>next</button>
      <span class="muted number">${() => `${number(/** @type {number} */ (unit.index) + 1)} of ${number(total())}`}</span></nav>`}
    ${show(
      () => progress() !== null && node()?.status === "RUNNING",
      () => html`<div class="progress"><progress aria-label="Progress" max="1" value=${() => progress()?.fraction ?? null}></progress><span
          class="muted text">${() => progress()?.message ?? ""}</span></div>`,
    )}
  </header>`;
}

/** What people are asked, signals that are waited for, and letters. @param {Unit} unit @param {import("../../core/view.js").Computed<boolean>} isDurable */
function human(unit, isDurable) {
  const isAsked = computed(() => {
    const node = unit.node();
    if (node?.handler !== "approval" || node.items != null || node.reused || node.attempt === 0) return false;
    return ["WAITING", "COMPLETED", "FAILED"].includes(node.status);
  });
  const card = () => approvalCard({ executionId: unit.live.id, nodeId: unit.id, follow: () => unit.stamp.value });
  return [
    show(() => isAsked.value, () => html`<div class="card">${card()}</div>`),
    show(() => unit.state.value === "waiting_signal", () => signalOf(unit)),
    show(() => isDurable.value && takesLetters(unit) && may("run"), () => letterForm(unit)),
  ];
}

/** @param {Unit} unit */
function signalOf(unit) {
  const definition = definitionOf(unit.live);
  const awaited = () => unit.explanation.answer.value?.details?.signal ?? unit.whole.value?.config?.name ?? null;
  const offers = () => signalOffers(definition.answer.value, (id) => id === unit.base);
  return show(
    () => definition.answer.value !== null && awaited() !== null,
    () => html`<section class="card" aria-label="Signal">${signalForm({ executionId: unit.live.id, offers, name: awaited() })}</section>`,
  );
}

/** @param {Unit} unit @param {ReturnType<typeof choiceOf>} choice @param {import("../../core/view.js").Computed<boolean>} isDurable */
function tabsOf(unit, choice, isDurable) {
  // A mapped node makes no call itself: its items do.
  const handler = unit.index === null && unit.parent()?.items != null ? "" : (unit.parent()?.handler ?? "");
  const list = [
    ...(handler === "llm" ? [{ key: "llm", title: "LLM", content: () => llmTab(unit) }] : []),
    ...(HTTP_HANDLERS.has(handler) ? [{ key: "http", title: "HTTP", content: () => httpTab(unit) }] : []),
  ];
  /** @type {import("../../parts/tabs.js").Tab[]} */
  const all = [
    { key: "output", title: "Output", content: () => outputTab(unit) },
    { key: "input", title: "Input", content: () => inputTab(unit) },
    { key: "logs", title: "Logs", content: () => logsTab(unit, choice.chosen) },
    { key: "events", title: "Events", content: () => nodeEventsTab(unit) },
    ...list,
    { key: "journal", title: "Journal", content: () => journalTab(unit), isShown: () => isDurable.value },
    { key: "retry", title: "Retry policy", content: () => retryTab(unit) },
  ];
  const chosen = computed(() => {
    const wanted = all.find(({ key }) => key === route.value.query.panel);
    return wanted !== undefined && (wanted.isShown?.() ?? true) ? wanted.key : "output";
  });
  return tabs({ label: "Node", tabs: all, chosen: () => chosen.value, onChoose: (key) => setQuery({ panel: key === "output" ? null : key }) });
}
