/** Tabs of a node that show values: what it came to, and what its handler was given. */
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
      () => html`<p class="muted">${() => (unit.state.value === "completed" ? html`The output is <code>null</code>.` : "There is no output: null.")}</p>`,
    )}
  </div>`;
}

/** Reads an output that is too large for the view, where somebody wants it. @param {Unit} unit */
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
    () => html`<p class="row"><span>${() => `The output has ${bytes(unit.output.missing() ?? 0)}.`}</span><button type="button" disabled=${() => isBusy.value} onclick=${() => void read()}>Read it whole</button></p>`,
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
  return html`<div class="stack">
    ${show(
      () => unit.index !== null && unit.row.value !== null,
      () => html`<section class="stack-tight"><h3>The item</h3>${jsonTree(() => unit.row.value?.value, { label: "the item", name: `${unit.id}-item`, reference: written()?.map?.item_name ?? "item" })}</section>`,
    )}
    ${show(
      () => problems().length > 0,
      () => html`<div class=${() => (hasBegun() ? "problem" : "muted")}><p>${() => (written()?.map ? "What an item gives is filled in for each item:" : "Not known yet:")}</p><ul class="bullets">${() => problems().map((/** @type {any} */ each) => html`<li><code>${each.path}</code> <span class="text">${each.message}</span></li>`)}</ul></div>`,
    )}
    <div class="side-by-side">
      ${show(() => rendered() !== undefined, () => html`<section class="stack-tight"><h3>${() => (isSame() ? "As written, without templates" : "As its handler gets it")}</h3>${jsonTree(rendered, { label: "the config, rendered", name: `${unit.id}-config` })}</section>`)}
      ${show(() => written() !== null && !isSame(), () => html`<section class="stack-tight"><h3>As written</h3>${jsonTree(() => written()?.config ?? {}, { label: "the config as written", name: `${unit.id}-template` })}</section>`)}
    </div>
    ${show(() => Boolean(written()?.when ?? written()?.map), () => html`<dl class="facts">${() => (written()?.when ? html`<dt>when</dt><dd><code>${written().when}</code></dd>` : null)}${() => (written()?.map ? html`<dt>map</dt><dd><code class="wrap">${JSON.stringify(written().map)}</code></dd>` : null)}</dl>`)}
  </div>`;
}
