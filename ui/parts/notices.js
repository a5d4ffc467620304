/** Short notices at the edge of the page, and what is read out to those who do not see it. */
import { each, html, signal } from "../core/view.js";

const SHOWN_MS = 6_000;
/** Changes of a run are read out at most this often. */
const ANNOUNCE_MS = 5_000;

/** @type {import("../core/view.js").Signal<Array<{id: number, text: string, isBad: boolean}>>} */
const notices = signal(/** @type {Array<{id: number, text: string, isBad: boolean}>} */ ([]));
const announced = signal("");
let last = 0;
let nextAt = 0;
let timer = 0;

/** Show a notice for a few seconds. @param {string} text @param {{isBad?: boolean}} [how] */
export function notify(text, { isBad = false } = {}) {
  const id = ++last;
  notices.value = [...notices.peek(), { id, text, isBad }];
  setTimeout(() => (notices.value = notices.peek().filter((notice) => notice.id !== id)), isBad ? 2 * SHOWN_MS : SHOWN_MS);
}

/** Show why something failed. @param {unknown} error */
export function notifyError(error) {
  notify(error instanceof Error ? error.message : String(error), { isBad: true });
}

/** Have something read out; of several within five seconds the last. @param {string} text */
export function announce(text) {
  clearTimeout(timer);
  const wait = Math.max(0, nextAt - Date.now());
  timer = setTimeout(() => {
    nextAt = Date.now() + ANNOUNCE_MS;
    announced.value = text;
  }, wait);
}

/** Where notices appear. */
export function noticeArea() {
  return html`<div class="toasts" role="status">${each(
      () => notices.value,
      ({ id }) => id,
      (notice) => html`<div class=${() => (notice.value.isBad ? "toast bad" : "toast")}>${() => notice.value.text}</div>`,
    )}</div>
    <div class="visually-hidden" aria-live="polite">${() => announced.value}</div>`;
}
