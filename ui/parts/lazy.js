/** A piece of the page whose module is loaded when it is first shown. */
import { html, signal, untracked } from "../core/view.js";
import { notifyError } from "./notices.js";

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
    return module === null ? html`<div class="empty" aria-busy="true"><div class="skeleton"></div></div>` : untracked(() => build(module));
  };
}
