/** The ways in which a network can answer: its protocols, and each member alone. */

import { html } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { link } from "../routing.js";

/**
 * @typedef {object} Protocol
 * @property {string} name
 * @property {string} summary
 * @property {string} calls
 * @property {any} expression
 * @property {boolean} ready
 * @property {string | null} [problem]
 * @property {string[]} members
 * @property {string[]} people
 */
/** @typedef {{description: string, measured: Record<string, unknown>, claims: Record<string, unknown>}} Card */
/** @typedef {{name: string, card: Card, kind: string}} Member */
/** @typedef {{name: string, description: string, protocol: string, members: Member[]}} Network */
/**
 * @typedef {object} Way
 * @property {string} value as `POST /api/runs` takes it; an expression as JSON
 * @property {string} name
 * @property {string} summary
 * @property {string} calls
 * @property {string} problem why it cannot be asked; empty: it can
 * @property {string[]} members
 * @property {string[]} people
 * @property {string} group
 */

/** The combinator that an expression begins with → what it does. */
const GROUPS = /** @type {Record<string, string>} */ ({
  auto: "One answers",
  best: "One answers",
  ask: "One answers",
  parallel: "Many answer, one answer wins",
  cascade: "Many answer, one answer wins",
  debate: "They read each other",
  serial: "They read each other",
  route: "They read each other",
  verify: "One checks the other",
  delegate: "They divide the work",
  fuse: "They write one text together",
});
const ORDER = [
  "One answers",
  "They read each other",
  "Many answer, one answer wins",
  "One checks the other",
  "They divide the work",
  "They write one text together",
  "Others",
  "A member alone",
];

/**
 * Return all ways, in the order in which they are shown.
 * @param {Protocol[]} protocols
 * @param {Network} network
 * @returns {Way[]}
 */
export function waysOf(protocols, network) {
  const named = protocols.map((protocol) => ({
    value: protocol.name,
    name: protocol.name,
    summary: protocol.summary,
    calls: protocol.calls,
    problem: protocol.ready ? "" : (protocol.problem ?? "the members cannot carry it out"),
    members: protocol.members,
    people: protocol.people,
    group: GROUPS[Object.keys(protocol.expression ?? {})[0] ?? ""] ?? "Others",
  }));
  const alone = network.members.map((member) => ({
    value: `${network.name}/${member.name}`,
    name: member.name,
    summary: member.card.description,
    calls: "1",
    problem: "",
    members: [member.name],
    people: member.kind === "human" ? [member.name] : [],
    group: "A member alone",
  }));
  return [...named, ...alone].sort((one, other) => ORDER.indexOf(one.group) - ORDER.indexOf(other.group));
}

/**
 * Return the way with a value; a value that is an expression is a way of its own.
 * @param {readonly Way[]} ways
 * @param {string} value
 * @returns {Way}
 */
export function wayOf(ways, value) {
  const known = ways.find((way) => way.value === value);
  const own = value.startsWith("{");
  return known ?? {
    value,
    name: own ? "your own protocol" : value,
    summary: own ? value : "",
    calls: "",
    problem: own || ways.length === 0 ? "" : `there is no protocol ${value} here: choose another`,
    members: [],
    people: [],
    group: "Others",
  };
}

/**
 * Return how many calls of models a way takes; empty where that needs a sentence.
 * @param {string} calls as the protocol says it
 */
function countOf(calls) {
  if (!/^\d+( to \d+)?$/.test(calls)) return "";
  return calls === "1" ? "1 call" : `${calls} calls`;
}

/** @param {Way} way */
function summaryOf(way) {
  if (way.problem !== "") return `Not now: ${way.problem}`;
  return countOf(way.calls) === "" && way.calls !== "" ? `${way.summary} Calls: ${way.calls}.` : way.summary;
}

/**
 * A list to choose from: what each way does, what it costs, and who takes part.
 * @param {object} properties
 * @param {readonly Way[]} properties.ways
 * @param {string} properties.value of the chosen one
 * @param {string[]} properties.members
 * @param {(value: string, done: boolean) => void} properties.onChoose `done`: by a click, not while moving with the keys
 */
export function Ways({ ways, value, members, onChoose }) {
  const all = ORDER.map((group) => ({ group, found: ways.filter((way) => way.group === group) }));
  const groups = all.filter(({ found }) => found.length > 0);
  return html`<div class="ways" role="radiogroup" aria-label="How the network answers">
    ${groups.map(({ group, found }) => html`<fieldset key=${group}>
      <legend>${group}</legend>
      ${found.map((way) => html`<label key=${way.value} class="way">
        <input type="radio" name="way" value=${way.value} checked=${way.value === value} disabled=${way.problem !== ""}
          onClick=${(/** @type {MouseEvent} */ event) => onChoose(way.value, event.detail > 0)} />
        <span class="way-name">
          ${way.group === "A member alone" ? html`<${Agent} name=${way.name} members=${members} />` : way.name}
        </span>
        <span class="way-calls">${countOf(way.calls)}</span>
        <span class="way-summary">${summaryOf(way)}</span>
      </label>`)}
    </fieldset>`)}
    <p class="soft">Each is drawn and explained in <a href=${link(["protocols"])}>Protocols</a>,${" "}
      where you can write your own.</p>
  </div>`;
}
