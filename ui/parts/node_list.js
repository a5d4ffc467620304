/** Ids of nodes as a list. */
import { html } from "../core/view.js";

/** Ids of nodes, shortened where they are many. @param {string[]} ids */
export function nodeList(ids) {
  const shown = ids.slice(0, 100);
  return html`<ul class="row">${shown.map((id) => html`<li class="tag"><bdi>${id}</bdi></li>`)}${ids.length > shown.length
      ? html`<li class="muted">and ${ids.length - shown.length} more</li>` : null}</ul>`;
}
