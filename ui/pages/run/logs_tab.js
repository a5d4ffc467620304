/** What an attempt has logged: the last lines, and those that come while it runs. */
import { number } from "../../core/format.js";
import { clockTime, milliseconds, moment } from "../../core/time.js";
import { computed, effect, each, html, show, signal } from "../../core/view.js";
import { notifyError } from "../../parts/notices.js";
import { everyEvent } from "./history.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {import("./unit.js").Attempt} Attempt */
/** @typedef {import("./unit.js").LogLine} LogLine */

const LEVELS = ["debug", "info", "warning", "error"];
/** Lines in the page; of more the last ones. */
const MOST_LINES = 2_000;

/** @param {Unit} unit @param {() => Attempt | null} chosen */
export function logsTab(unit, chosen) {
  const least = signal("debug");
  const isFollowing = signal(true);
  /** Lines that came by the stream, or were read on demand. */
  const more = signal(/** @type {Array<LogLine & {attempt: number}>} */ ([]));
  const lines = computed(() => {
    const attempt = chosen();
    const known = new Map((attempt?.logs ?? []).map((line) => [line.seq, line]));
    for (const line of more.value) if (line.attempt === attempt?.attempt) known.set(line.seq, line);
    const from = LEVELS.indexOf(least.value);
    return [...known.values()].sort((one, other) => one.seq - other.seq).filter(({ level }) => rankOf(level) >= from).slice(-MOST_LINES);
  });
  const missing = computed(() => {
    const isWhole = least.value !== "debug" || lines.value.length === MOST_LINES;
    return isWhole ? 0 : Math.max(0, (chosen()?.log_lines ?? 0) - lines.value.length);
  });
  unit.listen((events) => {
    const fresh = events.filter(({ type }) => type === "node.log").map(lineOf);
    if (fresh.length > 0) more.value = [...more.peek(), ...fresh].slice(-MOST_LINES);
  });
  /** @type {HTMLElement | undefined} */
  let box;
  effect(() => {
    void lines.value;
    const follows = isFollowing.value;
    requestAnimationFrame(() => {
      if (box && follows) box.scrollTop = box.scrollHeight;
    });
  });
  const onScroll = () => {
    if (box) isFollowing.value = box.scrollTop + box.clientHeight > box.scrollHeight - 24;
  };
  const readEarlier = async () => {
    try {
      const events = await everyEvent(unit.live, { node: unit.id, type: "node.log" });
      more.value = [...events.filter((event) => (event.item ?? null) === unit.index).map(lineOf), ...more.peek()];
    } catch (error) {
      notifyError(error);
    }
  };
  const isRunning = () => unit.node()?.status === "RUNNING" && chosen()?.attempt === unit.node()?.attempt;
  return html`<div class="stack-tight">
    <div class="row"><label>Level <select .value=${least.peek()}
        onchange=${(/** @type {Event} */ event) => (least.value = /** @type {HTMLSelectElement} */ (event.target).value)}>${LEVELS.map((level) => html`<option
            value=${level}>${level === "debug" ? "all" : `${level} and above`}</option>`)}</select></label>
      ${show(isRunning, () => html`<label><input type="checkbox" .checked=${() => isFollowing.value}
          onchange=${() => (isFollowing.value = !isFollowing.peek())}>follow</label>`)}
      ${show(() => missing.value > 0, () => html`<button type="button" class="as-link"
          onclick=${() => void readEarlier()}>${() => `${number(missing.value)} earlier lines`}</button>`)}</div>
    ${show(
      () => lines.value.length > 0,
      () => html`<div class="logs" role="log" tabindex="0" aria-label="Log" onscroll=${onScroll}
          ref=${(/** @type {HTMLElement} */ element) => (box = element)}>${each(
        () => lines.value,
        (line) => line.seq,
        (line) => row(line.peek()),
      )}</div>`,
      () => html`<p class="muted">${() =>
        chosen() === null ? "No attempt yet." : isRunning() ? "Nothing logged so far." : "This attempt has logged nothing."}</p>`,
    )}
  </div>`;
}

/** @param {LogLine} line */
function row({ ts, level, message, data }) {
  const at = milliseconds(ts);
  const hasData = data !== null && data !== undefined && JSON.stringify(data) !== "{}";
  return html`<div class=${`log-line level-${level.toLowerCase()}`}><time title=${moment(at)}>${at === null ? "" : clockTime(at)}</time><span
      class="log-level">${level.toLowerCase()}</span><span class="text">${message}${hasData ? html` <span
          class="muted">${JSON.stringify(data)}</span>` : null}</span></div>`;
}

/** @param {string} level */
function rankOf(level) {
  const found = LEVELS.indexOf(level.toLowerCase().replace("critical", "error").replace(/^warn$/, "warning"));
  return found < 0 ? 1 : found;
}

/** @param {any} event */
function lineOf(event) {
  const { level = "info", message = "", data = null } = event.data ?? {};
  return { seq: event.seq, ts: event.ts, attempt: event.attempt, level, message, data };
}
