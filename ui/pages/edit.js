/** The editor: write a workflow, or run something again with changes. */
import { ApiError } from "../core/api.js";
import { asked } from "../core/asked.js";
import { href, route } from "../core/router.js";
import { listenToFeed } from "../core/session.js";
import { html, onDispose, show } from "../core/view.js";
import { lazy, loading } from "../parts/lazy.js";
import { problemList } from "../parts/problems.js";
import { loadSubject } from "./edit/subject.js";

export const title = "Edit";

export function page() {
  onDispose(listenToFeed({}));
  // What is edited stays the same while the page is open, even when saving gives it another address.
  const { run, workflow, node } = route.peek().query;
  const { answer, error } = asked(
    () => "",
    () => loadSubject({ run, workflow, node }),
  );
  const name = run ? `run ${run}` : workflow;
  return show(
    () => answer.value !== null,
    () =>
      lazy(
        () => Promise.all([import("./edit/editor.js"), run ? import("./edit/again.js") : null]),
        ([{ editor }, ofRuns]) => editor(/** @type {import("./edit/subject.js").Subject} */ (answer.peek()), ofRuns),
      ),
    () => html`<h1>${name ? html`Edit <bdi>${name}</bdi>` : "New workflow"}</h1>
      ${show(
        () => error.value !== null,
        () => html`${problemList(() => error.value)}${problemHint(/** @type {ApiError} */ (error.peek()))}`,
        loading,
      )}`,
  );
}

/** @param {ApiError} error */
function problemHint({ status }) {
  return status === 404 ? html`<p><a target="_self" href=${href("/ui/edit")}>Write a new workflow</a></p>` : null;
}
