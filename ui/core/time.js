/**
 * Times as people read them, and one clock for all of the page.
 *
 * The clock shows the server's time: each answer has a `Date`, and a browser whose own clock is wrong still
 * counts down rightly. It ticks once a second, for everything that shows how long something has taken.
 */
import { signal } from "./view.js";

let offsetMs = 0;

/** Milliseconds since the epoch, by the server's clock. Follow it, and what shows it is drawn once a second. */
export const now = signal(Date.now());

/** Milliseconds since the epoch, by the server's clock, without following it. */
export function serverNow() {
  return Date.now() + offsetMs;
}

/**
 * Set the clock by the `Date` of an answer, which has whole seconds only: smaller differences mean nothing.
 * @param {string | null} date
 */
export function setClockBy(date) {
  const found = date === null ? NaN : Date.parse(date) - Date.now();
  if (!Number.isNaN(found) && Math.abs(found - offsetMs) > 1_500) offsetMs = found;
}

/** Let the clock run. */
export function startClock() {
  now.value = serverNow();
  setInterval(() => {
    if (!document.hidden) now.value = serverNow();
  }, 1_000);
  document.addEventListener("visibilitychange", () => (now.value = serverNow()));
}

/** @param {string | null | undefined} text RFC 3339 @returns {number | null} milliseconds since the epoch */
export function milliseconds(text) {
  const found = text ? Date.parse(text) : NaN;
  return Number.isNaN(found) ? null : found;
}

/** When an execution began, or was made where it has not yet. @param {{started_at?: string | null, created_at?: string}} execution */
export function beganAt({ started_at: started, created_at: created }) {
  return milliseconds(started ?? created);
}

/**
 * Write a duration: `850 ms`, `12.3 s`, `4 min 05 s`, `3 h 12 min`, `2 d 4 h`.
 * @param {number | null} ms
 * @param {{isTicking?: boolean}} [how]  whole seconds only, for what changes before one's eyes
 */
export function duration(ms, { isTicking = false } = {}) {
  if (ms === null) return "";
  const all = Math.max(0, ms);
  if (all < 1_000 && !isTicking) return `${Math.round(all)} ms`;
  const seconds = all / 1_000;
  if (seconds < 60) return isTicking ? `${Math.floor(seconds)} s` : `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % 60))} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * Write how long something took, or has taken so far; empty for what has not started.
 * @param {{started_at?: string | null, ended_at?: string | null} | null} timed
 * @param {boolean} [isRunning]  false: what has no end is not timed
 */
export function took(timed, isRunning = true) {
  const [start, end] = [milliseconds(timed?.started_at), milliseconds(timed?.ended_at)];
  if (start === null) return "";
  if (end !== null) return duration(end - start);
  return isRunning ? duration(now.value - start, { isTicking: true }) : "";
}

/**
 * Write how far a moment is from now: `just now`, `12 s ago`, `in 4 min`.
 * @param {number | null} atMs
 * @param {number} nowMs
 */
export function relative(atMs, nowMs) {
  if (atMs === null) return "";
  const ms = nowMs - atMs;
  if (Math.abs(ms) < 2_000) return "just now";
  const text = coarse(Math.abs(ms));
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

/**
 * Write a moment whole, in the reader's own zone: `2026-11-29 08:14:05.120`.
 * @param {number | null} atMs
 */
export function moment(atMs) {
  if (atMs === null) return "";
  const at = new Date(atMs);
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${clockTime(atMs)}`;
}

/** Write the time of day: `08:14:05.120`. @param {number} atMs */
export function clockTime(atMs) {
  const at = new Date(atMs);
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** @param {number} ms */
function coarse(ms) {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, "0");
}
