/** A text as a program wrote it, line by line: what it is, a button that copies it, and no more of it at once than fits. */
import { html } from "../core/view.js";
import { copyButton } from "./copy.js";

/** @param {string} title @param {() => string} text */
export function textBlock(title, text) {
  return html`<div class="stack-tight"><div class="row spread"><span class="muted">${title}</span>${copyButton(text, `Copy: ${title}`)}</div>
    <pre class="text-block text" role="region" tabindex="0" aria-label=${title}>${text}</pre></div>`;
}
