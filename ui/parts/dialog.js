/** Dialogs: the browser's own `<dialog>`, which keeps the focus inside and gives it back. */
import { once } from "../core/once.js";
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
 * @param {(close: () => void, submit: (event: Event) => void) => any} options.body  submit: of a form inside, does the last action
 * @param {Action[]} [options.actions]  beside the one that closes it
 * @param {boolean} [options.isWide]
 * @param {string} [options.closeLabel]
 * @param {boolean} [options.staysOver]  it stays when another page is gone to
 * @param {() => void} [options.onClose]
 * @returns {() => void} closes it
 */
export function openDialog({ title, body, actions = [], isWide = false, closeLabel = "Close", staysOver = false, onClose = () => {} }) {
  const holder = document.createElement("div");
  document.body.append(holder);
  const isBusy = signal(false);
  const failure = signal(/** @type {any} */ (null));
  /** @type {HTMLDialogElement} */
  let dialog;
  const close = () => dialog.close();
  const run = once(async (/** @type {Action} */ action) => {
    isBusy.value = true;
    failure.value = null;
    try {
      if ((await action.run()) !== false) close();
    } catch (error) {
      failure.value = error;
    } finally {
      isBusy.value = false;
    }
  });
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const last = actions.at(-1);
    if (last && !last.isDisabled?.()) void run(last);
  };
  const closed = () => {
    onClose();
    queueMicrotask(() => (remove(), holder.remove()));
  };
  /** @param {Action} action */
  const button = (action) =>
    html`<button type="button" class=${action.look ?? ""} disabled=${() => isBusy.value || Boolean(action.isDisabled?.())}
        onclick=${() => run(action)}>${action.label}</button>`;
  const remove = root(
    holder,
    () => html`<dialog class=${isWide ? "wide" : ""} data-stays=${staysOver} aria-label=${title} ref=${(/** @type {HTMLDialogElement} */ element) => (dialog = element)}
        onclose=${closed}>
      <header><h2>${title}</h2><button type="button" class="quiet icon-only" aria-label="Close" onclick=${close}>${icon("close")}</button></header>
      <div class="dialog-body">${body(() => close(), submit)}${show(() => failure.value !== null, () => problemList(() => failure.value))}</div>
      <footer><button type="button" onclick=${close}>${closeLabel}</button>${actions.map(button)}</footer>
    </dialog>`,
  );
  // @ts-ignore: it is assigned while the template is built
  dialog.showModal();
  return close;
}
