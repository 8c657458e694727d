/** One piece of a fused text: what each member gave it, and what would have stood there instead. */

import { html } from "../ui/preact.js";
import { Agent, percent } from "../ui/elements.js";
import { colourOf } from "../ui/colours.js";
import { visible } from "./provenance.js";

/**
 * @param {object} properties
 * @param {import("./provenance.js").Provenance} properties.provenance
 * @param {readonly string[]} properties.members
 * @param {number} properties.index
 * @param {string} properties.address of the piece
 */
export function PieceShown({ provenance, members, index, address }) {
  const backed = provenance.pieces[index];
  const piece = provenance.fusion.pieces[index];
  if (backed === undefined || piece === undefined) return null;
  return html`<div class="piece-shown">
    <p class="place"><span>Piece ${index + 1} of ${provenance.pieces.length}</span> <a
      href=${address}>Link to it</a></p>
    <p class="piece-text"><q>${visible(backed.text)}</q></p>
    <p class="soft">${summary(backed, provenance)}</p>
    <table class="shares">
      <thead class="unseen"><tr><th>Member</th><th>Backing</th><th>Share</th></tr></thead>
      <tbody>
        ${provenance.members.map((name, member) => {
          const backing = backed.backing[member] ?? null;
          return html`<tr key=${name}>
            <th scope="row"><${Agent} name=${name} members=${members} /></th>
            <td><${Bar} share=${drawn(provenance, name, index)} colour=${colourOf(name, members)} /></td>
            <td class="value">${told(provenance, name, index, backing, backed.alone)}</td>
          </tr>`;
        })}
      </tbody>
    </table>
    <${Rival} provenance=${provenance} piece=${piece} />
  </div>`;
}

/**
 * The piece beside the one that came second.
 * @param {{provenance: import("./provenance.js").Provenance, piece: import("./provenance.js").Piece}} properties
 */
function Rival({ provenance, piece }) {
  const rival = piece.runner_up_score;
  if (rival === null) return html`<p class="soft">No other piece was considered.</p>`;
  const scores = /** @type {const} */ ([[piece.text, piece.score], [piece.runner_up ?? "", rival]]);
  return html`<table class="shares rival">
    <caption>Scores: the piece, and the runner-up</caption>
    <tbody>
      ${scores.map(
        ([text, score], rank) => html`<tr key=${text}>
          <th scope="row"><q class=${rank === 0 ? "won" : "soft"}>${visible(text)}</q></th>
          <td><${Bar} share=${height(provenance, score, piece.score)} colour=${null} /></td>
          <td class="value">${number(score, provenance.unit)}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

/** @param {{share: number, colour: string | null}} properties */
export function Bar({ share, colour }) {
  const width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return html`<span class="share-bar" aria-hidden="true"><span
    style=${{ width, "--agent": colour ?? undefined }} /></span>`;
}

/**
 * @param {import("./provenance.js").Backed} backed
 * @param {import("./provenance.js").Provenance} provenance
 */
function summary(backed, { members }) {
  const [first] = members;
  if (backed.alone) return `${first} was sure enough to go on alone.`;
  const lost = members.filter((_, member) => backed.backing[member] === null);
  const without = lost.length === 0 ? "" : ` Without ${lost.join(", ")}.`;
  const backers = members.filter((_, member) => (backed.backing[member] ?? 0) >= 0.5);
  const by = backers.length === members.length ? "all members" : backers.join(", ") || "no member by half";
  return `Disagreement ${percent(backed.disagreement)}; backed by ${by}.${without}`;
}

/**
 * Return how long a member's bar is.
 * @param {import("./provenance.js").Provenance} provenance
 * @param {string} name
 * @param {number} index
 */
function drawn(provenance, name, index) {
  const share = provenance.fusion.pieces[index]?.shares[name];
  if (share !== undefined && provenance.unit === "logit") return share / provenance.greatest;
  return provenance.pieces[index]?.backing[provenance.members.indexOf(name)] ?? 0;
}

/**
 * @param {import("./provenance.js").Provenance} provenance
 * @param {string} name
 * @param {number} index
 * @param {number | null} backing
 * @param {boolean} alone
 */
function told(provenance, name, index, backing, alone) {
  const share = provenance.fusion.pieces[index]?.shares[name];
  if (backing === null) return alone ? "not asked" : "not heard";
  if (share === undefined) return "not among its likeliest";
  return provenance.unit === "logit" ? `logit ${share.toFixed(1)}` : probability(backing);
}

/**
 * @param {import("./provenance.js").Provenance} provenance
 * @param {number} score
 * @param {number} best
 */
function height(provenance, score, best) {
  if (provenance.unit === "probability") return score;
  return provenance.unit === "logprob" ? Math.exp(score / provenance.members.length) : score / Math.max(1e-9, best);
}

/**
 * @param {number} score
 * @param {"probability" | "logprob" | "logit"} unit
 */
function number(score, unit) {
  return unit === "probability" ? probability(score) : score.toFixed(1);
}

/** @param {number} share */
function probability(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return share > 0.999 && share < 1 ? "> 99.9 %" : `${(share * 100).toFixed(1)} %`;
}
