/** Pieces of the page that come later: a module that is loaded when it is first shown, and what stands there until then. */
import { html, signal, untracked } from "../core/view.js";
import { notifyError } from "./notices.js";

/** What is shown while something loads. */
export const loading = () => html`<div class="empty" aria-busy="true"><div class="skeleton"></div></div>`;

/**
 * @template Module
 * @param {() => Promise<Module>} load
 * @param {(module: Module) => any} build
 * @returns {() => any}
 */
export function lazy(load, build) {
  const loaded = signal(/** @type {Module | null} */ (null));
  void load().then((module) => (loaded.value = module), notifyError);
  return () => {
    const module = loaded.value;
    return module === null ? loading() : untracked(() => build(module));
  };
}
