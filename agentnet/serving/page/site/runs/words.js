/** Statuses, surfaces and figures of runs, in words. */

import { count } from "../ui/elements.js";

/** @typedef {import("../run/state.js").Status} Status */
/** @typedef {import("../run/state.js").Usage} Usage */

/** @typedef {{mark: string, word: string, kind: "good" | "bad" | "warning" | "soft" | "live"}} Sign */

/** What each status is called, and its sign. @type {Record<Status, Sign>} */
export const STATUSES = {
  running: { mark: "●", word: "running", kind: "live" },
  done: { mark: "✓", word: "done", kind: "good" },
  failed: { mark: "✗", word: "failed", kind: "bad" },
  stopped: { mark: "◼", word: "stopped", kind: "warning" },
  cancelled: { mark: "⊘", word: "cancelled", kind: "soft" },
  interrupted: { mark: "!", word: "interrupted", kind: "warning" },
};

/** By which way a run was asked for. @type {Record<string, string>} */
export const SURFACES = {
  api: "the page or API",
  openai: "an OpenAI client",
  a2a: "an A2A agent",
  mcp: "an MCP client",
};

/**
 * A number of things, as `1 call` or `12 calls`.
 * @param {number} number
 * @param {string} thing in the singular
 */
export function counted(number, thing) {
  return `${count(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/**
 * A length of time, as `0.34 s`, `12 s` or `3 min 20 s`.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 90) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * A cost in the currency of the network's owner, with three digits that say something.
 * @param {number} cost
 */
export function money(cost) {
  return cost === 0 ? "0" : cost.toLocaleString("en", { maximumSignificantDigits: 3, minimumSignificantDigits: 3 });
}

/** @param {Usage} usage */
export function tokens(usage) {
  return usage.prompt_tokens + usage.completion_tokens;
}

/**
 * The first words of a text, on one line.
 * @param {string} text
 * @param {number} [longest] in characters
 */
export function shortened(text, longest = 120) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
