/** The versions of a workflow, and what differs between two of them. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { asked } from "../../core/asked.js";
import { route, setQuery } from "../../core/router.js";
import { milliseconds, moment, now, relative } from "../../core/time.js";
import { computed, html, show } from "../../core/view.js";
import { toYaml } from "../../core/yaml_text.js";
import { loading } from "../../parts/lazy.js";
import { problemList } from "../../parts/problems.js";
import { table } from "../../parts/table.js";
import { textDiff } from "../../parts/text_diff.js";
import { pathOf } from "./path.js";

/** @param {import("../workflow.js").WorkflowView} view */
export function versionsTab({ workflow }) {
  const { name } = workflow();
  const { answer, error } = asked(
    () => workflow().version,
    () => everyPage(`${pathOf(name)}/versions`, { limit: 200 }),
  );
  const numbered = computed(() => (answer.value ?? []).map(({ version }) => version));
  const after = computed(() => wanted(route.value.query.to, numbered.value) ?? numbered.value[0] ?? null);
  const below = () => numbered.value.find((version) => version < (after.value ?? 0));
  const before = computed(() => wanted(route.value.query.from, numbered.value) ?? below() ?? after.value);
  return html`<section class="stack">
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${table({
      label: `Versions of ${name}`,
      rows: () => answer.value ?? [],
      keyOf: ({ version }) => version,
      onOpen: ({ version }) => setQuery({ to: version, from: numbered.peek().find((other) => other < version) ?? version }),
      selected: () => after.value,
      height: "40vh",
      least: 520,
      columns: [
        { title: "Version", width: "90px", cell: (each) => html`<span class="strong number">${() => each().version}</span>` },
        { title: "Title", width: "minmax(140px, 1fr)", cell: (each) => html`<bdi>${() => each().title}</bdi>` },
        {
          title: "Created",
          width: "120px",
          cell: (each) => html`<time title=${() => moment(milliseconds(each().created_at))}>${() =>
             relative(milliseconds(each().created_at), now.value)}</time>`,
        },
        { title: "Definition", width: "130px", cell: (each) => html`<code>${() => each().hash.slice(0, 12)}</code>` },
      ],
    })}
    ${show(
      () => numbered.value.length > 1,
      () => html`<div class="row"><h2>What differs</h2>${choice("From version", "from", before, numbered)} ${choice("to version", "to", after, numbered)}</div>
        <p class="muted">Both as YAML, by what they mean: comments and the order of keys in the text sent are not compared.</p>
        ${difference(name, before, after)}`,
      () => show(() => numbered.value.length === 1, () => html`<p
          class="muted">There is one version so far. Each change to the meaning of the definition creates another.</p>`),
    )}
  </section>`;
}

/**
 * @param {string} label
 * @param {string} key
 * @param {import("../../core/view.js").Computed<number | null>} chosen
 * @param {import("../../core/view.js").Computed<number[]>} numbered
 */
function choice(label, key, chosen, numbered) {
  return html`<label>${label} <select onchange=${(/** @type {any} */ event) => setQuery({ [key]: event.target.value })}>
    ${() => numbered.value.map((version) => html`<option value=${version} .selected=${() => version === chosen.value}>${version}</option>`)}</select></label>`;
}

/**
 * @param {string} name
 * @param {import("../../core/view.js").Computed<number | null>} before
 * @param {import("../../core/view.js").Computed<number | null>} after
 */
function difference(name, before, after) {
  const read = async (/** @type {number} */ version) => toYaml((await api.get(`${pathOf(name)}/versions/${version}`)).definition);
  const { answer, error } = asked(
    () => (before.value === null || after.value === null ? null : `${before.value} ${after.value}`),
    () => Promise.all([before.peek(), after.peek()].map((version) => read(version ?? 1))),
  );
  return html`${show(() => error.value !== null, () => problemList(() => error.value))}
    ${() => (answer.value === null ? loading() : textDiff(answer.value[0], answer.value[1]))}`;
}

/** @param {string | undefined} asked @param {number[]} numbered */
function wanted(asked, numbered) {
  return numbered.find((version) => String(version) === asked);
}
