/** Whether a node's handler is durable: only then it has a journal, and reads letters. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { computed } from "../../core/view.js";
import { handlerOf } from "./handlers.js";
import { runStatus } from "./unit.js";

/** @typedef {import("./unit.js").Unit} Unit */

/** @param {Unit} unit @returns {import("../../core/view.js").Computed<boolean>} */
export function durableOf(unit) {
  // Of a mapped node each item has a journal and an inbox, and the node as a whole has none.
  const isWhole = () => unit.index === null && unit.parent()?.items != null;
  const listed = handlerOf(unit.live, () => (isWhole() ? "" : (unit.parent()?.handler ?? "")));
  // Of a handler that nobody offers any more, the journal tells.
  const written = asked(
    () => (listed.answer.value !== null && listed.answer.value.found === null ? unit.stamp.value : null),
    async () => (await api.get(`${unit.path}/journal`, { limit: 1 })).last > 0,
  );
  return computed(() => {
    if (isWhole()) return false;
    const hasParked = unit.attempts.answer.value?.items.some(({ waiting_on: waitingOn }) => waitingOn === "inbox");
    return hasParked || unit.node()?.waiting_on === "inbox" || (listed.answer.value?.found?.durable ?? written.answer.value ?? false);
  });
}

/** Whether the server takes a letter to this unit, and its handler may still read it. @param {Unit} unit */
export function takesLetters(unit) {
  const isUnfinished = ["PENDING", "QUEUED", "RUNNING", "WAITING"].includes(unit.node()?.status ?? "");
  return isUnfinished && ["PENDING", "RUNNING", "PAUSED"].includes(runStatus(unit.live));
}
