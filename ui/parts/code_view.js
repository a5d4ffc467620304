/** A text with the numbers of its lines, to read and to copy from. */
import { html } from "../core/view.js";

/** @param {() => string} text @param {string} label */
export function codeView(text, label) {
  const numbers = () => Array.from({ length: text().split("\n").length }, (_, at) => at + 1).join("\n");
  return html`<div class="code-view" role="region" tabindex="0" aria-label=${label}><pre class="code-numbers"
      aria-hidden="true">${numbers}</pre><pre>${text}</pre></div>`;
}
