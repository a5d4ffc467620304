/** A button that copies a text. */
import { html } from "../core/view.js";
import { icon } from "./icons.js";
import { notify } from "./notices.js";

/** @param {() => string | Promise<string>} text @param {string} label @param {{hasText?: boolean}} [how] */
export function copyButton(text, label, { hasText = false } = {}) {
  return html`<button type="button" class=${hasText ? "" : "quiet icon-only"} title=${label} aria-label=${label}
      onclick=${() => copy(text)}>${icon("copy")}${hasText ? label : null}</button>`;
}

/** @param {() => string | Promise<string>} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(await text());
    notify("Copied");
  } catch {
    notify("The browser did not let the page copy; select the text and copy it by hand", { isBad: true });
  }
}
