/** The dialog that asks for an API key when a request was refused for want of one. */
import { needsKey } from "../core/api.js";
import { openSession } from "../core/session.js";
import { effect, html } from "../core/view.js";
import { openDialog } from "./dialog.js";

/** Ask while the server does. @param {() => void} onOpened  the session is there: what was refused is asked again */
export function askForKey(onOpened) {
  let isOpen = false;
  effect(() => {
    if (!needsKey.value || isOpen) return;
    isOpen = true;
    /** @type {HTMLInputElement} */
    let input;
    openDialog({
      title: "Sign in",
      closeLabel: "Not now",
      body: (close) => {
        const send = async (/** @type {Event} */ event) => {
          event.preventDefault();
          await open();
          close();
        };
        return html`<form onsubmit=${(/** @type {Event} */ event) => void send(event).catch(() => {})}>
          <p>This server requires an API key. It is exchanged for a session of 12 hours, which no script can read.</p>
          <div class="field"><label for="key">API key</label>
          <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="hr_…" ref=${(/** @type {HTMLInputElement} */ element) =>
              (input = element)}></div>
        </form>`;
      },
      actions: [{ label: "Sign in", look: "primary", run: open }],
    });
    document.querySelector("dialog[open]")?.addEventListener("close", () => (isOpen = false));
    async function open() {
      await openSession(input.value.trim());
      onOpened();
    }
  });
}
