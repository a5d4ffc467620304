/** Labels as the address of the list of runs names them: `team:blue,who:ann`, with the commas of a value escaped. */
import { href, hrefOf } from "./router.js";

/** @param {string} text  of the address @returns {string[]} each as `name:value` */
export function labelsIn(text) {
  return text.split(",").filter(Boolean).map((each) => each.replace(/%(?:2C|25)/gi, decodeURIComponent));
}

/** @param {string[]} labels  each as `name:value` */
export function labelsAs(labels) {
  return labels.map((each) => each.replace(/[,%]/g, encodeURIComponent)).join(",");
}

/** Where the runs are listed that a schedule has started. @param {string} name */
export function runsOfSchedule(name) {
  return href(hrefOf("/", { schedule: name, children: "1" }));
}

/** Where the runs are listed that a webhook has started. @param {string} path */
export function runsOfWebhook(path) {
  return href(hrefOf("/", { webhook: path, children: "1" }));
}

/** Where the runs with a label are listed. @param {string} name @param {string} value */
export function runsWith(name, value) {
  return href(hrefOf("/", { label: labelsAs([`${name}:${value}`]) }));
}
