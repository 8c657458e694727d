/** The messages of two runs, side by side where they have the same place. */

import { html, useMemo } from "../ui/preact.js";
import { Agent, Parts } from "../ui/elements.js";
import { go, link } from "../routing.js";
import { aligned } from "./alignment.js";
import { compared } from "./differences.js";
import { Letter } from "./letter.js";

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("../ui/elements.js").Part} Part */
/** @typedef {import("./comparison.js").Side} Side */
/** @typedef {import("./alignment.js").Pair} Pair */
/** @typedef {"equal" | "differ" | "alone"} Relation */

/** @type {readonly Part[]} */
const NOTHING = [];

/** @param {{sides: [Side, Side], query: URLSearchParams}} properties with `show=differences` and `replies=whole` */
export function Pairs({ sides, query }) {
  const [one, other] = sides;
  const [first, second] = [said(one), said(other)];
  const pairs = useMemo(() => aligned(first, second), [first.length, second.length, one.state, other.state]);
  const [onlyDifferent, isWhole] = [query.get("show") === "differences", query.get("replies") === "whole"];
  const rows = pairs.map((pair) => ({ pair, relation: relationOf(pair, isWhole) }));
  const shown = rows.filter((row) => !onlyDifferent || row.relation !== "equal");
  const number = (/** @type {Relation} */ relation) => rows.filter((row) => row.relation === relation).length;
  /** @param {Record<string, string | undefined>} changed */
  const set = (changed) => {
    go(link(["runs", one.record.id], { ...Object.fromEntries(query), ...changed }), { replace: true });
  };
  return html`<section aria-labelledby="messages">
    <div class="choices">
      <h2 id="messages">Messages</h2>
      <span class="soft">
        ${number("differ")} differ, ${number("alone")} in one run alone,
        ${` ${number("equal")} equal`}${!isWhole && " in short"}
      </span>
      <label><input type="checkbox" checked=${onlyDifferent}
        onChange=${() => set({ show: onlyDifferent ? undefined : "differences" })} />Only differences</label>
      <label><input type="checkbox" checked=${isWhole}
        onChange=${() => set({ replies: isWhole ? undefined : "whole" })} />Whole replies</label>
    </div>
    ${rows.length === 0 && html`<p class="soft">Nothing was said yet.</p>`}
    ${rows.length > 0 && shown.length === 0 && html`<p class="soft">Every message is equal.</p>`}
    <ol class="pairs">
      ${shown.map(({ pair, relation }) => html`<${Row} key=${`${pair.first?.id} ${pair.second?.id}`}
        pair=${pair} relation=${relation} isWhole=${isWhole} sides=${sides} />`)}
    </ol>
  </section>`;
}

/** @param {{pair: Pair, relation: Relation, isWhole: boolean, sides: [Side, Side]}} properties */
function Row({ pair, relation, isWhole, sides }) {
  const { first, second } = pair;
  const [a, b] = [partsOf(first, isWhole), partsOf(second, isWhole)];
  const pieces = useMemo(() => (relation === "differ" ? compared(a, b) : [a, b]), [relation, a, b]);
  const isAlone = first === null || second === null;
  const isOfOne = isAlone || (first.agent === second.agent && typeOf(first) === typeOf(second));
  const kinds = [...new Set([first, second].flatMap((entry) => (entry === null ? [] : [kindOf(entry)])))];
  const named = first ?? second;
  return html`<li class=${`pair ${relation}`}>
    <p class="pair-place">
      ${isOfOne && named !== null
        ? html`<${Speaker} entry=${named} kind=${kinds.join(" / ")} sides=${sides} />`
        : html`<span class="soft">last message</span>`}
    </p>
    ${[first, second].map((entry, place) => html`<${Cell} key=${place} entry=${entry} side=${sides[place]}
      pieces=${pieces[place]} named=${!isOfOne} sides=${sides} />`)}
  </li>`;
}

/** @typedef {readonly (Part & {differs?: boolean})[]} Told parts that may differ from those of the other run */

/**
 * @param {object} properties
 * @param {Entry | null} properties.entry null: this run has nothing at the place
 * @param {Side} properties.side
 * @param {Told} properties.pieces
 * @param {boolean} properties.named whether it says who speaks
 * @param {[Side, Side]} properties.sides
 */
function Cell({ entry, side, pieces, named, sides }) {
  if (entry === null) {
    return html`<div class="pair-cell none">
      <${Letter} letter=${side.letter} />
      <span class="soft"><span aria-hidden="true">–</span><span class="unseen">nothing at this place</span></span>
    </div>`;
  }
  const address = link(["runs", side.record.id, "messages", entry.id]);
  return html`<div class="pair-cell">
    <${Letter} letter=${side.letter} />
    <div>
      ${named && html`<p class="pair-speaker"><${Speaker} entry=${entry} kind=${kindOf(entry)} sides=${sides} /></p>`}
      <${Pieces} pieces=${pieces} members=${side.state.members.value} />
    </div>
    <a class="pair-open" href=${address} aria-label=${`Message of ${entry.agent} in run ${side.letter}`}>
      <span aria-hidden="true">↗</span>
    </a>
  </div>`;
}

/** @param {{entry: Entry, kind: string, sides: [Side, Side]}} properties */
function Speaker({ entry, kind, sides }) {
  const members = sides[0].state.members.value;
  return html`<${Agent} name=${entry.agent} members=${members} /> <span class="soft">${kind}</span>`;
}

/** @param {{pieces: Told, members: string[]}} properties */
function Pieces({ pieces, members }) {
  return pieces.map((piece, index) => {
    const part = html`<${Parts} key=${index} parts=${[piece]} members=${members} />`;
    return piece.differs ? html`<mark key=${index}>${part}</mark>` : part;
  });
}

/** @param {Side} side @returns {Entry[]} */
function said({ state }) {
  return state.entries.value.filter((/** @type {Entry} */ entry) => entry.message.value !== null);
}

/** @param {Entry} entry */
function typeOf(entry) {
  return entry.message.value?.body.kind;
}

/** The type of a message, with its round. @param {Entry} entry */
function kindOf(entry) {
  return entry.shown.value?.kind ?? "";
}

/** @param {Pair} pair @param {boolean} isWhole @returns {Relation} */
function relationOf({ first, second }, isWhole) {
  if (first === null || second === null) return "alone";
  const [one, other] = [first, second].map((entry) => partsOf(entry, isWhole).map((part) => part.text).join(""));
  return one === other ? "equal" : "differ";
}

/** @param {Entry | null} entry @param {boolean} isWhole @returns {readonly Part[]} */
function partsOf(entry, isWhole) {
  return entry?.shown.value?.[isWhole ? "full" : "brief"] ?? NOTHING;
}
