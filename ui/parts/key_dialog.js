/** The dialog that asks for an API key when a request was refused for want of one. */
import { needsKey } from "../core/api.js";
import { openSession } from "../core/session.js";
import { effect, html, scope } from "../core/view.js";
import { openDialog } from "./dialog.js";

/** @type {(() => void) | null} null while it is not open */
let close = null;

/** Ask for a key, unless that is done already. It ends by itself once another tab has signed in. */
export function openKeyDialog() {
  if (close !== null) return;
  /** @type {HTMLInputElement} */
  let input;
  const adopt = (/** @type {HTMLInputElement} */ element) => (input = element);
  close = openDialog({
    title: "Sign in",
    closeLabel: "Not now",
    staysOver: true,
    onClose: () => {
      close = null;
      stop();
    },
    body: (_, submit) => html`<form onsubmit=${submit}>
        <p>This server requires an API key. It is exchanged for a session of 12 hours, which no script can read.</p>
        <div class="field"><label for="key">API key</label>
        <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="hr_…" ref=${adopt}></div>
      </form>`,
    actions: [{ label: "Sign in", look: "primary", run: () => openSession(input.value.trim()) }],
  });
  // Of no page: the dialog stays while pages change below it.
  const [, stop] = scope(() => effect(() => needsKey.value || close?.()));
}
