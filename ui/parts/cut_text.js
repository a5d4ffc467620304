/** A text that is cut where it is long, with a button that shows all of it. */
import { number } from "../core/format.js";
import { html, show, signal } from "../core/view.js";

/** @param {() => string} text @param {number} most  characters that are shown at first */
export function cutText(text, most) {
  const isWhole = signal(false);
  return html`<bdi>${() => (isWhole.value || text().length <= most ? text() : `${text().slice(0, most)}…`)}</bdi>${show(
    () => text().length > most,
    () => html` <button type="button" class="as-link" onclick=${() => (isWhole.value = !isWhole.peek())}>${() =>
      isWhole.value ? "less" : `more, ${number(text().length)} characters`}</button>`,
  )}`;
}
