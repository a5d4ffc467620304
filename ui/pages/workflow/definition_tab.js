/** The text of a workflow as it was sent. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { href, hrefOf } from "../../core/router.js";
import { may } from "../../core/session.js";
import { html, show } from "../../core/view.js";
import { codeView } from "../../parts/code_view.js";
import { copyButton } from "../../parts/copy.js";
import { loading } from "../../parts/lazy.js";
import { problemList } from "../../parts/problems.js";
import { pathOf } from "./path.js";

/** @param {import("../workflow.js").WorkflowView} view */
export function definitionTab({ workflow }) {
  const { name } = workflow();
  const { answer, error } = asked(
    () => `${workflow().hash} ${workflow().updated_at}`,
    () => sourceOf(name),
  );
  return html`<section class="stack">
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(
      () => answer.value !== null,
      () => html`<div class="row">${copyButton(() => answer.peek() ?? "", "Copy", { hasText: true })}
          ${show(() => may("run"), () => html`<a class="button" href=${href(hrefOf("/ui/edit", { workflow: name }))}>Edit</a>`)}
          <span class="muted">${() => workflow().media_type}, as it was sent</span></div>
        ${codeView(() => answer.value ?? "", `Definition of ${name}`)}`,
      loading,
    )}
  </section>`;
}

/** JSON is written out in lines where it was sent as one. @param {string} name @returns {Promise<string>} */
async function sourceOf(name) {
  const found = await api.get(`${pathOf(name)}/source`);
  return typeof found === "string" ? found : JSON.stringify(found, null, 2);
}
