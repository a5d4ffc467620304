/** The attempts of a node: one pill each, and of the chosen one its times, its worker and how its time was spent. */
import { plural } from "../../core/format.js";
import { colourOf, wordOf } from "../../core/statuses.js";
import { duration, milliseconds, moment, now, relative, took } from "../../core/time.js";
import { each, html } from "../../core/view.js";
import { stateIcon } from "../../parts/status.js";

/** @typedef {import("./unit.js").Attempt} Attempt */

/** The state whose look an outcome has. @type {Record<string, string>} */
const STATES = { lost: "failed", drained: "cancelled", retrying: "failed", waiting: "waiting_hold", held: "paused" };
/** @type {Record<string, string>} */
const WORDS = {
  retrying: "failed, tried again",
  lost: "its worker was lost",
  drained: "its worker was stopped",
  held: "held back by a pause",
};
/** Why it was queued, where not for the first time. @type {Record<string, string>} */
const CAUSES = {
  back_off: "after its back-off",
  delay: "after a delay",
  worker: "after it had waited for a worker",
  hold: "after it had been held back",
  lease_lost: "its worker was lost",
  drain: "its worker was stopped",
  signal: "a signal had come before",
  child: "its child ended",
  map: "its items ended",
  staging: "the child was written again",
  resume: "the run went on",
  operator: "by hand",
  repair: "its task was lost",
};

/** @param {Attempt} attempt */
function stateOfAttempt({ outcome, waiting_on: waitingOn }) {
  return outcome === "waiting" && waitingOn ? `waiting_${waitingOn}` : (STATES[outcome] ?? outcome);
}

/** @param {Attempt} attempt */
function wordsOfAttempt(attempt) {
  return WORDS[attempt.outcome] ?? (attempt.outcome === "waiting" && attempt.waiting_on ? `waiting: ${wordOf(stateOfAttempt(attempt))}` : attempt.outcome);
}

/**
 * @param {{attempts: () => Attempt[], isCut: () => boolean, chosen: () => Attempt | null, onChoose: (attempt: number) => void, endOf: () => number}} options
 *   endOf: where the node's time ends, now while it goes on
 */
export function attemptsView({ attempts, isCut, chosen, onChoose, endOf }) {
  /** @param {import("../../core/view.js").Signal<Attempt>} attempt */
  const pill = (attempt) => {
    const length = () => took(attempt.value, attempt.value.outcome === "running");
    const words = () => `Attempt ${attempt.value.attempt}: ${wordsOfAttempt(attempt.value)}${length() ? `, ${length()}` : ""}`;
    return html`<button type="button" class=${() => `pill state-${colourOf(stateOfAttempt(attempt.value))}`}
        aria-pressed=${() => String(chosen()?.attempt === attempt.value.attempt)}
      aria-label=${words} title=${words} onclick=${() => onChoose(attempt.value.attempt)}>${() =>
        attempt.value.attempt}${stateIcon(() => stateOfAttempt(attempt.value))}<span class="number">${length}</span></button>`;
  };
  return html`<section class="stack-tight" aria-label="Attempts">
    <div class="row pills">${() => (isCut() ? html`<span
        class="muted">older attempts are not available</span>` : null)}${each(attempts, (attempt) => attempt.attempt, pill)}</div>
    ${() => facts(chosen())}
    ${split(attempts, endOf)}
  </section>`;
}

/** @param {Attempt | null} attempt */
function facts(attempt) {
  if (attempt === null) return null;
  const { queued_at: queued, started_at: started, ended_at: ended, worker, cause, operator } = attempt;
  const tries = attempt.try ? `, try ${attempt.try}` : "";
  return html`<dl class="facts">
    <dt>Attempt ${attempt.attempt}</dt><dd>${wordsOfAttempt(attempt)}${tries}${cause ? `; queued again: ${CAUSES[cause] ?? cause}` : ""}</dd>
    ${operator ? html`<dt>By hand</dt><dd class="text">${operator.by ?? "an operator"}${operator.reason ? `: ${operator.reason}` : ""}</dd>` : null}
    ${time("Queued", queued)}${time("Started", started)}${time("Ended", ended)}
    ${attempt.next_try_at ? time("Next try", attempt.next_try_at) : null}
    ${worker ? html`<dt>Worker</dt><dd class="mono text">${worker}</dd>` : null}
  </dl>`;
}

/** @param {string} title @param {string | null} at */
function time(title, at) {
  const ms = milliseconds(at);
  return ms === null ? null : html`<dt>${title}</dt><dd><time>${moment(ms)}</time> <span class="muted">${() => relative(ms, now.value)}</span></dd>`;
}

/**
 * How the time of all attempts was spent. An attempt works until it gives its worker back to wait; what lies
 * between two attempts, and behind one that is tried again, is waiting, too.
 * Pure. @param {Attempt[]} attempts @param {number} endMs @returns {{queued: number, running: number, waiting: number}} milliseconds
 */
export function spentOf(attempts, endMs) {
  const spent = { queued: 0, running: 0, waiting: 0 };
  attempts.forEach((attempt, at) => {
    const queued = milliseconds(attempt.queued_at);
    const started = milliseconds(attempt.started_at);
    const ended = milliseconds(attempt.ended_at);
    const next = at + 1 < attempts.length ? milliseconds(attempts[at + 1].queued_at) : null;
    const end = next ?? endMs;
    if (queued !== null) spent.queued += Math.max(0, (started ?? ended ?? end) - queued);
    if (started === null) return;
    const isWaiting = attempt.outcome === "waiting";
    // Of one that waits it may not be known since when: then it has done so from its start.
    const parked = milliseconds(attempt.waiting_since) ?? (isWaiting ? started : null);
    const stop = ended ?? end;
    spent.running += Math.max(0, (parked ?? stop) - started);
    if (parked !== null) spent.waiting += Math.max(0, stop - parked);
    if (next !== null || attempt.outcome === "retrying" || isWaiting) spent.waiting += Math.max(0, end - stop);
  });
  return spent;
}

/** @param {() => Attempt[]} attempts @param {() => number} endOf */
function split(attempts, endOf) {
  return () => {
    const spent = spentOf(attempts(), endOf());
    const parts = /** @type {const} */ (["queued", "running", "waiting"]).filter((name) => spent[name] > 0);
    if (parts.length === 0) return null;
    const words = parts.map((name) => `${name} ${duration(spent[name])}`).join(", ");
    const attemptCount = attempts().length > 1 ? `in ${plural(attempts().length, "attempt")}` : "";
    return html`<div><div class="split" role="img" aria-label=${words}>${parts.map((name) => html`<i class=${`part-${name}`}
        style=${{ "flex-grow": String(spent[name]) }}></i>`)}</div>
      <p class="muted number">${parts.map((name) => html`<span class="split-word"><i
          class=${`part-${name}`}></i>${name} ${duration(spent[name])}</span>`)}${attemptCount}</p></div>`;
  };
}
