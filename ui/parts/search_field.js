/** A field whose text stands in the address as `text`, and says what a page lists. The key / leads to it. */
import { setQuery } from "../core/router.js";
import { computed, effect, html, onDispose } from "../core/view.js";
import { shortcuts } from "./shortcuts.js";

const TYPING_MS = 250;

/** @param {{label: string, placeholder: string, text: () => string}} options  text: as the address has it, followed */
export function searchField({ label, placeholder, text }) {
  /** @type {HTMLInputElement} */
  let input;
  let timer = 0;
  const onInput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => setQuery({ text: input.value.trim() }), TYPING_MS);
  };
  onDispose(() => clearTimeout(timer));
  shortcuts([{ keys: "/", does: "filter by text", run: () => input.focus() }]);
  const element = html`<input type="search" placeholder=${placeholder} aria-label=${label} oninput=${onInput}
      ref=${(/** @type {HTMLInputElement} */ made) => (input = made)}>`;
  const given = computed(text);
  effect(() => {
    const now = given.value;
    // What is being typed is newer than the address.
    if (document.activeElement !== input) input.value = now;
  });
  return element;
}
