/** What a graph shows, in words. */

import { CENTRE } from "./relations.js";

/** @typedef {import("./relations.js").Link} Link */
/** @typedef {import("./relations.js").Actor} Actor */
/** @typedef {import("./relations.js").Relations} Relations */

const MOST_NAMES = 3;

/** @type {Record<Link["kind"], (from: string, to: string) => string>} */
const LINKS = {
  read: (from, to) => `${to} read ${from}`,
  vote: (from, to) => `${from} voted for ${to}`,
  approve: (from, to) => `${from} approved ${to}`,
  disapprove: (from, to) => `${from} disapproved of ${to}`,
  grade: (from, to) => `${from} graded ${to}`,
  decide: (from, to) => `${to} rests on ${from}`,
  assign: (from, to) => `${from} asked ${to}`,
};

/**
 * Return what a graph shows now: the link under the pointer, else who is writing, else who spoke last and whom it had
 * read.
 * @param {Relations} relations
 * @param {Link | undefined} pointed
 * @param {readonly string[]} writing
 */
export function sentence(relations, pointed, writing) {
  if (pointed !== undefined) {
    const times = pointed.count === 1 ? "" : `, ${pointed.count} times`;
    return `${capital(LINKS[pointed.kind](named(pointed.from), named(pointed.to)))}${times}.`;
  }
  if (writing.length > 0) {
    const read = writing.length === 1 ? list(relations.fresh.map((link) => named(link.from))) : "";
    const who = capital(list(writing.map(named)));
    return `${who} ${writing.length === 1 ? "is" : "are"} writing${read === "" ? "" : `, having read ${read}`}…`;
  }
  if (relations.latest === null) {
    return "Members appear here as they speak; arrows run from those who were read to their readers.";
  }
  const [judged] = relations.fresh.filter((link) => link.kind !== "read" && link.kind !== "decide");
  if (judged !== undefined) return `${capital(LINKS[judged.kind](named(judged.from), named(judged.to)))}.`;
  const sources = list(relations.fresh.map((link) => named(link.from)));
  if (relations.latest.body.kind === "fusion") return `${capital(sources)} wrote together.`;
  if (relations.latest.body.kind === "result") {
    return sources === "" ? "The decision stands in the middle." : `The decision rests on ${sources}.`;
  }
  return `${capital(relations.latest.sender)} spoke, having read ${sources || "the question"}.`;
}

/**
 * The votes and verdicts about an actor's answers, such as `2 votes, ✓ 1`.
 * @param {Actor} actor
 */
export function tally({ votes, approvals, disapprovals }) {
  return [
    votes > 0 ? `${votes} ${votes === 1 ? "vote" : "votes"}` : "",
    approvals > 0 ? `✓ ${approvals}` : "",
    disapprovals > 0 ? `✗ ${disapprovals}` : "",
  ]
    .filter(Boolean)
    .join(" ");
}

/** @param {string} actor */
export function named(actor) {
  return actor === CENTRE ? "the decision" : actor;
}

/** @param {readonly string[]} names */
function list(names) {
  const others = names.length - MOST_NAMES;
  const shown = others > 1 ? [...names.slice(0, MOST_NAMES), `${others} others`] : names;
  return shown.length < 2 ? (shown[0] ?? "") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
