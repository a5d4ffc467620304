/** The question for a key, whenever the server asks for one. */
import { needsKey } from "../core/api.js";
import { openSession } from "../core/session.js";
import { effect, html } from "../core/view.js";
import { openDialog } from "./dialog.js";

/** @type {(() => void) | null} null while it is not open */
let close = null;

/** Ask while the server does. In another tab, too, the question may have been answered. */
export function askForKey() {
  effect(() => (needsKey.value ? openKeyDialog() : close?.()));
}

/** Ask for a key, unless that is done already. */
export function openKeyDialog() {
  if (close !== null) return;
  /** @type {HTMLInputElement} */
  let input;
  close = openDialog({
    title: "Key",
    closeLabel: "Not now",
    staysOver: true,
    onClose: () => (close = null),
    body: (_, submit) => html`<form onsubmit=${submit}>
        <p>This server asks for a key. It is exchanged for a session of 12 hours, which no script of this page can read.</p>
        <div class="field"><label for="key">API key</label>
        <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="hr_…" ref=${(/** @type {HTMLInputElement} */ element) => (input = element)}></div>
      </form>`,
    actions: [{ label: "Open", look: "primary", run: () => openSession(input.value.trim()) }],
  });
}
