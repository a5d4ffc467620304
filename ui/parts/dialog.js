/** Dialogs: the browser's own `<dialog>`, which keeps the focus inside and gives it back. */
import { html, root, show, signal } from "../core/view.js";
import { icon } from "./icons.js";
import { problemList } from "./problems.js";

/**
 * @typedef {object} Action
 * @property {string} label
 * @property {() => unknown} run  the dialog closes when it is done, and shows the error when it fails; `false` keeps it open
 * @property {"primary" | "danger"} [look]
 * @property {() => boolean} [isDisabled]
 */

/**
 * Open a dialog over the page.
 * @param {object} options
 * @param {string} options.title
 * @param {(close: () => void) => any} options.body
 * @param {Action[]} [options.actions]  beside the one that closes it
 * @param {boolean} [options.isWide]
 * @param {string} [options.closeLabel]
 * @returns {() => void} closes it
 */
export function openDialog({ title, body, actions = [], isWide = false, closeLabel = "Close" }) {
  const holder = document.createElement("div");
  document.body.append(holder);
  const isBusy = signal(false);
  const failure = signal(/** @type {any} */ (null));
  /** @type {HTMLDialogElement} */
  let dialog;
  const close = () => dialog.close();
  /** @param {Action} action */
  const run = async (action) => {
    isBusy.value = true;
    failure.value = null;
    try {
      if ((await action.run()) !== false) close();
    } catch (error) {
      failure.value = error;
    } finally {
      isBusy.value = false;
    }
  };
  /** @param {Action} action */
  const button = (action) =>
    html`<button type="button" class=${action.look ?? ""} disabled=${() => isBusy.value || Boolean(action.isDisabled?.())}
        onclick=${() => run(action)}>${action.label}</button>`;
  const remove = root(
    holder,
    () => html`<dialog class=${isWide ? "wide" : ""} aria-label=${title} ref=${(/** @type {HTMLDialogElement} */ element) => (dialog = element)}
        onclose=${() => queueMicrotask(() => (remove(), holder.remove()))}>
      <header><h2>${title}</h2><button type="button" class="quiet icon-only" aria-label="Close" onclick=${close}>${icon("close")}</button></header>
      <div class="dialog-body">${body(() => close())}${show(() => failure.value !== null, () => problemList(() => failure.value))}</div>
      <footer><button type="button" onclick=${close}>${closeLabel}</button>${actions.map(button)}</footer>
    </dialog>`,
  );
  // @ts-ignore: it is assigned while the template is built
  dialog.showModal();
  return close;
}
