/**
 * One approval: its prompt, its form, the votes so far, and the buttons that decide it.
 *
 * A decision carries the hash of what was shown. The server refuses it if the prompt has changed or the approval
 * is already decided, and the card shows why.
 */
import { ApiError, api } from "../core/api.js";
import { asked } from "../core/asked.js";
import { once } from "../core/once.js";
import { may } from "../core/session.js";
import { duration, milliseconds, moment, now, relative } from "../core/time.js";
import { computed, html, show, signal, untracked } from "../core/view.js";
import { byField, rememberBy, rememberedBy } from "./by_field.js";
import { icon } from "./icons.js";
import { schemaForm } from "./schema_form.js";
import { jsonTree } from "./json_tree.js";
import { markdown } from "./markdown.js";
import { notify } from "./notices.js";
import { problemList } from "./problems.js";

/** @typedef {Record<string, any>} Approval  as the server gives it */

/** Why a decision was refused. @type {Record<string, string>} */
const REFUSALS = {
  SHOWN_CHANGED: "The question has changed. Read it again before you decide; your decision was not recorded.",
  ALREADY_DECIDED: "It is decided already; your decision was not recorded.",
};

/**
 * @param {object} options
 * @param {string} options.executionId
 * @param {string} options.nodeId  or an item, `ask[3]`
 * @param {() => void} [options.onDone]  a decision was made, here or elsewhere
 * @param {() => string | number} [options.follow]  read again when it changes
 */
export function approvalCard({ executionId, nodeId, onDone = () => {}, follow = () => "" }) {
  const unit = `${encodeURIComponent(executionId)}/approvals/${encodeURIComponent(nodeId)}`;
  const path = `/v1/approvals/${encodeURIComponent(executionId)}/${encodeURIComponent(nodeId)}`;
  const { answer, error, again } = asked(follow, async () => /** @type {Approval} */ (await api.get(path)));
  const notice = signal("");
  const shown = computed(() => answer.value?.shown ?? null);
  const isPending = computed(() => answer.value?.pending === true);

  /** @param {"approve" | "deny"} decision @param {string} by @param {any} form */
  async function decide(decision, by, form) {
    const before = /** @type {Approval} */ (answer.peek());
    try {
      const made = await api.post(`/v1/executions/${unit}`, { decision, by, shown: before.shown, ...(form === undefined ? {} : { form }) });
      notify(made.pending ? `Counted: ${made.approvals} of ${made.quorum} approvals` : decision === "approve" ? "Approved" : "Denied");
      notice.value = "";
    } catch (problem) {
      if (!(problem instanceof ApiError) || problem.status !== 409) throw problem;
      notice.value = REFUSALS[problem.code] ?? problem.message;
    }
    again();
    onDone();
  }
  return html`<section class="approval" aria-label=${`Approval ${nodeId}`}>
    ${show(() => error.value !== null && answer.value === null, () => problemList(() => error.value))}
    ${show(() => notice.value !== "", () => html`<p class="banner state-retrying" role="alert">${() => notice.value}</p>`)}
    ${() => {
      if (shown.value === null) return null;
      return untracked(() => question(answer, isPending, decide));
    }}
  </section>`;
}

/**
 * @param {import("../core/view.js").Signal<Approval | null>} answer @param {import("../core/view.js").Computed<boolean>} isPending
 * @param {(decision: "approve" | "deny", by: string, form: any) => Promise<void>} decide
 */
function question(answer, isPending, decide) {
  const first = /** @type {Approval} */ (answer.peek());
  const approval = () => /** @type {Approval} */ (answer.value);
  return html`${markdown(first.prompt)}
    ${() => facts(approval())}
    ${show(() => approval().votes.length > 0 && isPending.value, () => html`${() => voteList(approval().votes)}`)}
    ${show(() => isPending.value, () => show(() => may("run"), () => answerForm(first, decide), () => html`<p
        class="muted">Your key can read, but not decide.</p>`), () => html`${() => outcome(approval())}`)}`;
}

/** @param {any[]} votes */
function voteList(votes) {
  return html`<ul class="bullets">${votes.map(({ by, decision, at }) => html`<li><bdi class="strong">${by}</bdi>
      ${decision === "deny" ? "denied" : "approved"} <time class="muted">${moment(milliseconds(at))}</time></li>`)}</ul>`;
}

/** @param {Approval} approval */
function facts({ assignees, quorum, approvals, asked_at: askedAt, due_at: dueAt, pending }) {
  const due = milliseconds(dueAt);
  const asks = milliseconds(askedAt);
  return html`<p class="muted number">
    ${asks === null ? null : html`<span title=${moment(asks)}>Asked ${() => relative(asks, now.value)}.</span> `}
    ${quorum > 1 ? `${approvals} of ${quorum} approvals. ` : null}
    ${assignees ? html`May decide: <bdi>${assignees.join(", ")}</bdi>. ` : null}
    ${pending && due !== null ? html`<span class="strong" role="timer"
        title=${moment(due)}>${() =>
          due > now.value ? `Time limit in ${duration(due - now.value, { isTicking: true })}.` : "The time limit has passed."}</span>` : null}</p>`;
}

/** @param {Approval} first @param {(decision: "approve" | "deny", by: string, form: any) => Promise<void>} decide */
function answerForm(first, decide) {
  const by = signal(rememberedBy());
  const filled = signal(/** @type {any} */ (undefined));
  const comment = signal("");
  const isBusy = signal(false);
  const failure = signal(/** @type {any} */ (null));
  const form = first.form === null ? null : schemaForm({ schema: first.form, value: filled, label: "Answer" });
  const commentId = `comment-${first.shown.slice(0, 8)}`;
  const problems = () => form?.problems() ?? [];
  /** What is sent of the form: a denial needs none. @param {"approve" | "deny"} decision */
  const sent = (decision) => {
    if (form === null) return comment.peek().trim() === "" ? undefined : { comment: comment.peek().trim() };
    const isEmpty = filled.peek() === undefined || JSON.stringify(filled.peek()) === "{}";
    return isEmpty && decision === "deny" ? undefined : filled.peek();
  };
  const send = once(async (/** @type {"approve" | "deny"} */ decision) => {
    isBusy.value = true;
    failure.value = null;
    rememberBy(by.peek());
    try {
      await decide(decision, by.peek().trim(), sent(decision));
    } catch (problem) {
      failure.value = problem;
    } finally {
      isBusy.value = false;
    }
  });
  const isOff = () => isBusy.value || by.value.trim() === "";
  return html`<form class="approval-form" onsubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${form?.element ?? html`<div class="field"><label for=${commentId}>Comment <span class="hint">optional; becomes part of the output</span></label><input
        id=${commentId} maxlength="2000" autocomplete="off"
        oninput=${(/** @type {Event} */ event) => (comment.value = /** @type {HTMLInputElement} */ (event.target).value)}></div>`}
    ${byField(by, first.assignees)}
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    <div class="row">
      <button type="button" class="primary" disabled=${() => isOff() || problems().length > 0}
          onclick=${() => void send("approve")}>${icon("completed")}Approve</button>
      <button type="button" class="danger" disabled=${isOff} onclick=${() => void send("deny")}>${icon("failed")}Deny</button>
      ${show(() => by.value.trim() === "", () => html`<span class="muted">Enter your name to decide.</span>`)}
    </div></form>`;
}

/** Who decided what, and when. @param {Approval} approval */
function outcome({ output, status, votes }) {
  if (output === null) return html`<p class="strong">Closed without a decision: ${status.toLowerCase()}.</p>`;
  const isApproved = output.decision === "approve";
  const at = milliseconds(output.at);
  const words = output.timed_out ? "by its time limit" : html`by <bdi class="strong">${output.by ?? "an operator"}</bdi>`;
  const given = output.form ?? null;
  return html`<p class=${`row state-${isApproved ? "completed" : "failed"}`}><span
      class="state-icon">${icon(isApproved ? "completed" : "failed")}</span><span><span
          class="strong">${isApproved ? "Approved" : "Denied"}</span> ${words}${at === null ? null : html`, <time
              title=${moment(at)}>${() => relative(at, now.value)}</time>`}</span></p>
    ${votes.length > 1 ? voteList(votes) : null}
    ${given === null ? null : typeof given.comment === "string" && Object.keys(given).length === 1 ? html`<blockquote
        class="text">${given.comment}</blockquote>` : jsonTree(() => given, { label: "what was filled in", name: "form" })}`;
}
