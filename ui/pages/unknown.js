/** The page for unknown addresses. */
import { href } from "../core/router.js";
import { html } from "../core/view.js";

export const title = "Not found";

/** @param {import("../core/router.js").Route} route */
export function page({ params }) {
  return html`<div class="empty"><h1>Page not found</h1><p class="mono">${params.path}</p><p><a href=${href("/")}>All runs</a></p></div>`;
}
