/** The rule of a schedule in words. Pure. */

/** @param {Record<string, any>} rule */
export function ruleInWords({ cron, every, timezone, jitter, start_at: start, end_at: end, max_runs: most }) {
  const when = cron ? `${cron}${timezone && timezone !== "UTC" ? `, ${timezone}` : ""}` : `every ${typeof every === "number" ? `${every} s` : every}`;
  return [
    when,
    jitter ? `up to ${jitter} later` : "",
    start ? `from ${start}` : "",
    end ? `until ${end}` : "",
    most ? `at most ${most} times` : "",
  ]
    .filter(Boolean)
    .join("; ");
}
