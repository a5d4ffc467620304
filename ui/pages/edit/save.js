/** Save the text as a workflow, without overwriting what was saved elsewhere meanwhile. */
import { ApiError, send } from "../../core/api.js";
import { setQuery } from "../../core/router.js";
import { html, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { notify } from "../../parts/notices.js";
import { textDiff } from "../../parts/text_diff.js";
import { pathOf } from "../workflow/path.js";
import { ofWorkflow } from "./subject.js";

const CHANGED = 412;
const NAME_TAKEN = 428;

/**
 * Ask for what is missing, and save. Raises ApiError.
 * @param {import("../../core/view.js").Signal<string>} name  of the workflow; "" asks for one
 * @param {import("./draft.js").Draft} draft
 * @param {any} document  the text as JSON, from whose name one is proposed
 */
export async function save(name, draft, document) {
  if (name.peek() === "") return askForName(name, draft, document);
  try {
    await put(name.peek(), draft, draft.etag.peek());
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== CHANGED) throw error;
    await showOther(name.peek(), draft);
  }
}

/** @param {string} name @param {import("./draft.js").Draft} draft @param {string} etag  "" makes a new one */
async function put(name, draft, etag) {
  const text = draft.text.peek();
  const answer = await send("PUT", pathOf(name), text, { headers: etag ? { "If-Match": etag } : {} });
  const { version, outcome } = await answer.json();
  draft.etag.value = answer.headers.get("ETag") ?? "";
  draft.saved.value = text;
  draft.isFound.value = false;
  notify(outcome === "unchanged" ? `Saved; it means the same as version ${version}` : `Saved as version ${version}`);
}

/** @param {import("../../core/view.js").Signal<string>} name @param {import("./draft.js").Draft} draft @param {any} document */
function askForName(name, draft, document) {
  const wanted = signal(nameFrom(document?.name));
  openDialog({
    title: "Save as a workflow",
    body: () => html`<div class="field"><label for="save-name">Name</label><span class="hint">1 to 64 of a–z, 0–9 and -; it never changes</span>
      <input id="save-name" autocomplete="off" spellcheck="false" maxlength="64" .value=${wanted.peek()}
          oninput=${(/** @type {any} */ event) => (wanted.value = event.target.value.trim())}></div>`,
    actions: [
      {
        label: "Save",
        look: "primary",
        isDisabled: () => wanted.value === "",
        run: async () => {
          try {
            await put(wanted.peek(), draft, "");
          } catch (error) {
            if (!(error instanceof ApiError) || error.status !== NAME_TAKEN) throw error;
            const detail = `There is a workflow named ${wanted.peek()} already. Choose another name, or edit that workflow.`;
            throw new ApiError(error.status, { detail });
          }
          name.value = wanted.peek();
          draft.moveTo(name.peek());
          setQuery({ workflow: name.peek(), run: null, node: null });
        },
      },
    ],
  });
}

/** Show what was saved elsewhere beside what is written here. @param {string} name @param {import("./draft.js").Draft} draft */
async function showOther(name, draft) {
  const other = await ofWorkflow(name);
  openDialog({
    title: "The workflow has changed meanwhile",
    isWide: true,
    body: () => html`<p><b><bdi>${name}</bdi></b> was saved elsewhere since you opened it. Your text is not saved yet, but nothing is lost.
      This is how yours (+) differs from theirs (−):</p>
      ${textDiff(other.text, draft.text.peek())}`,
    closeLabel: "Keep editing",
    actions: [
      {
        label: "Take theirs",
        run: () => {
          draft.text.value = other.text;
          draft.saved.value = other.text;
          draft.etag.value = other.etag;
        },
      },
      { label: "Save mine over theirs", look: "danger", run: () => put(name, draft, other.etag) },
    ],
  });
}

/** A name that the server takes, from a title. @param {unknown} title */
function nameFrom(title) {
  return String(title ?? "")
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 64)
    .replace(/^-+|-+$/g, "");
}
