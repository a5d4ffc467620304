/** Tabs: a list of buttons, walked with the arrows, and the panel of the one that is chosen. */
import { html, untracked } from "../core/view.js";

/** @typedef {{key: string, title: any, hint?: string, content: () => any, isShown?: () => boolean}} Tab */

/**
 * @param {object} options
 * @param {string} options.label
 * @param {Tab[]} options.tabs
 * @param {() => string} options.chosen  key
 * @param {(key: string) => void} options.onChoose
 */
export function tabs({ label, tabs: list, chosen, onChoose }) {
  const prefix = `tab-${label.toLowerCase().replaceAll(" ", "-")}`;
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const there = list.filter(({ isShown }) => isShown?.() ?? true);
    const at = there.findIndex(({ key }) => key === chosen());
    const next = there[(at + step + there.length) % there.length].key;
    onChoose(next);
    requestAnimationFrame(() => document.getElementById(`${prefix}-${next}`)?.focus());
    event.preventDefault();
  };
  /** @param {Tab} tab */
  const button = ({ key, title, hint, isShown }) =>
    html`<button type="button" role="tab" id=${`${prefix}-${key}`} aria-selected=${() => String(chosen() === key)} aria-controls=${`${prefix}-panel`}
      hidden=${() => !(isShown?.() ?? true)} tabindex=${() => (chosen() === key ? "0" : "-1")}
      onclick=${() => onChoose(key)}>${title}${hint ? html` <kbd>${hint}</kbd>` : null}</button>`;
  return html`<div class="stack">
    <div class="tabs" role="tablist" aria-label=${label} onkeydown=${onKey}>${list.map(button)}</div>
    <div role="tabpanel" id=${`${prefix}-panel`} aria-labelledby=${() => `${prefix}-${chosen()}`}>${() => {
      const tab = list.find(({ key }) => key === chosen()) ?? list[0];
      return untracked(() => tab.content());
    }}</div>
  </div>`;
}
