/** The definition that a run was started with, which later changes of the workflow do not touch. */
import { href, hrefOf } from "../../core/router.js";
import { may } from "../../core/session.js";
import { html, show } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { jsonTree } from "../../parts/json_tree.js";
import { loading } from "../../parts/lazy.js";
import { problemList } from "../../parts/problems.js";
import { definitionOf } from "./definition.js";

/** @param {import("../run.js").RunView} view */
export function definitionTab({ live }) {
  const { answer: found, error } = definitionOf(live);
  return show(
    () => found.value !== null,
    () => html`<section class="card stack">
      <div class="row">${copyButton(() => JSON.stringify(found.value, null, 2), "Copy as JSON", { hasText: true })}
        ${show(() => may("run"), () => html`<a class="button" href=${href(hrefOf("/ui/edit", { run: live.id }))}>Edit and run</a>`)}</div>
      ${jsonTree(() => found.value, { label: "Definition" })}
    </section>`,
    () => show(() => error.value !== null, () => problemList(() => error.value), loading),
  );
}
