/** The last simulation of the editor, and its stubs. */
import { signal } from "../../core/view.js";

/**
 * @typedef {object} Simulation
 * @property {import("../../core/view.js").Signal<any>} report  the server's answer, with the `text` that was played and the
 *   `states` that its nodes are drawn in; null before
 * @property {import("../../core/view.js").Signal<any>} stubs
 */

/** @returns {Simulation} */
export function newSimulation() {
  return { report: signal(/** @type {any} */ (null)), stubs: signal(/** @type {any} */ ({ nodes: {}, default: { duration: "1s" } })) };
}
