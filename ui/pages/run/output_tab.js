/** Tabs of a node with its output, and with the input of its handler. */
import { bytes } from "../../core/format.js";
import { html, show, signal } from "../../core/view.js";
import { jsonTree, outputReference } from "../../parts/json_tree.js";
import { notifyError } from "../../parts/notices.js";
import { definitionOf, nodeIn } from "./definition.js";

/** @typedef {import("./unit.js").Unit} Unit */

/** @param {Unit} unit */
export function outputTab(unit) {
  const known = () => unit.output.value() !== undefined;
  return html`<div class="stack">
    ${wholeButton(unit)}
    ${show(
      () => known() && unit.output.value() !== null,
      () => jsonTree(unit.output.value, { reference: outputReference(unit.base, unit.index), label: "the output", name: `${unit.id}-output` }),
    )}
    ${show(
      () => known() && unit.output.value() === null,
      () => html`<p class="muted">${() => (unit.state.value === "completed" ? html`The output is <code>null</code>.` : "No output.")}</p>`,
    )}
  </div>`;
}

/** The button that loads an output too large for the view. @param {Unit} unit */
export function wholeButton(unit) {
  const isBusy = signal(false);
  const read = async () => {
    isBusy.value = true;
    try {
      await unit.output.read();
    } catch (error) {
      notifyError(error);
    } finally {
      isBusy.value = false;
    }
  };
  return show(
    () => unit.output.missing() !== null,
    () => html`<p class="row"><span>${() => `The output has ${bytes(unit.output.missing() ?? 0)}.`}</span><button type="button" disabled=${() => isBusy.value}
        onclick=${() => void read()}>Load it all</button></p>`,
  );
}

/** @param {Unit} unit */
export function inputTab(unit) {
  const definition = definitionOf(unit.live);
  const written = () => nodeIn(definition.answer.value, unit.base);
  const problems = () => unit.whole.value?.config_problems ?? [];
  const hasBegun = () => (unit.node()?.attempt ?? 0) > 0;
  const rendered = () => unit.whole.value?.config;
  const isSame = () => written() !== null && JSON.stringify(written().config ?? {}) === JSON.stringify(rendered());
  /** @param {any} title @param {any} tree */
  const part = (title, tree) => html`<section class="stack-tight"><h3>${title}</h3>${tree}</section>`;
  const item = () => jsonTree(() => unit.row.value?.value, { label: "the item", name: `${unit.id}-item`, reference: written()?.map?.item_name ?? "item" });
  const asGiven = () => jsonTree(rendered, { label: "the config, rendered", name: `${unit.id}-config` });
  const asWritten = () => jsonTree(() => written()?.config ?? {}, { label: "the config as written", name: `${unit.id}-template` });
  return html`<div class="stack">
    ${show(() => unit.index !== null && unit.row.value !== null, () => part("The item", item()))}
    ${show(
      () => problems().length > 0,
      () => html`<div class=${() => (hasBegun() ? "problem" : "muted")}>
        <p>${() => (written()?.map ? "Filled in for each item:" : "Not known yet:")}</p>
        <ul class="bullets">${() =>
          problems().map((/** @type {any} */ each) => html`<li><code>${each.path}</code> <span class="text">${each.message}</span></li>`)}</ul></div>`,
    )}
    <div class="side-by-side">
      ${show(() => rendered() !== undefined, () => part(() => (isSame() ? "As written, without templates" : "As passed to the handler"), asGiven()))}
      ${show(() => written() !== null && !isSame(), () => part("As written", asWritten()))}
    </div>
    ${show(
      () => Boolean(written()?.when ?? written()?.map),
      () => html`<dl class="facts">${() => fact("when", written()?.when)}${() => fact("map", written()?.map && JSON.stringify(written().map))}</dl>`,
    )}
  </div>`;
}

/** @param {string} title @param {any} text */
function fact(title, text) {
  return text ? html`<dt>${title}</dt><dd><code class="wrap">${String(text)}</code></dd>` : null;
}
