/** The definition of a run, read when a part of the page first asks for it. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { nodesIn } from "../../core/json.js";

/** @typedef {import("../../core/live_run.js").LiveRun} LiveRun */

/** It never changes. @type {WeakMap<LiveRun, Promise<any>>} */
const read = new WeakMap();

/** The definition as it was sent. @param {LiveRun} live */
export function definitionOf(live) {
  return asked(
    () => "",
    () => {
      let found = read.get(live);
      if (found === undefined) {
        found = api.get(`${live.path}/definition`);
        read.set(live, found);
        found.catch(() => read.delete(live));
      }
      return found;
    },
  );
}

/** A node as the definition has it. @param {any} definition @param {string} id @returns {any} null while it is not known */
export function nodeIn(definition, id) {
  return nodesIn(definition).find((node) => node.id === id) ?? null;
}
