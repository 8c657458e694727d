/** The disagreement along a text, as bars, with the slider that says from where on it is of interest. */

import { html, useMemo } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { percent } from "../ui/elements.js";

/** Pixels of a piece's bar, at most. */
const WIDEST = 24;

/**
 * @param {object} properties
 * @param {import("./provenance.js").Provenance} properties.provenance
 * @param {readonly string[]} properties.members
 * @param {number} properties.least
 * @param {number} properties.chosen
 * @param {(least: number) => void} properties.onLeast
 * @param {(index: number) => void} properties.onChoose
 */
export function Disagreement({ provenance, members, least, chosen, onLeast, onChoose }) {
  const { pieces } = provenance;
  const bars = useMemo(() => byLeader(provenance, members), [provenance, members]);
  const left = provenance.disputed(least).length;

  /** @param {MouseEvent} event */
  function chose(event) {
    const { left: begin, width } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    onChoose(Math.min(pieces.length - 1, Math.max(0, Math.floor(((event.clientX - begin) / width) * pieces.length))));
  }

  /** @param {Event} event */
  function slid(event) {
    onLeast(Number(/** @type {HTMLInputElement} */ (event.target).value) / 100);
  }

  return html`<div class="disagreement">
    <svg viewBox=${`0 0 ${pieces.length} 1`} preserveAspectRatio="none"
      style=${{ maxWidth: `${pieces.length * WIDEST}px` }} aria-hidden="true" onClick=${chose}>
      <rect class="chosen" x=${chosen} y="0" width="1" height="1" />
      ${bars.map(({ colour, path }) => html`<path key=${colour} class=${colour === "" ? "shared" : "led"}
        style=${{ "--agent": colour || undefined }} d=${path} />`)}
      <line x1="0" x2=${pieces.length} y1=${1 - least} y2=${1 - least} />
    </svg>
    <label>
      <span>Show disagreement from <strong>${percent(least)}</strong></span>
      <input type="range" min="0" max="100" step="1" value=${Math.round(least * 100)} onInput=${slid} />
    </label>
    <p class="soft">${
      least === 0 ? `${pieces.length} pieces` : `${left} of ${pieces.length} pieces; what the members agree on is faint`
    }</p>
  </div>`;
}

/**
 * Return the bars of the pieces of each leader as one path; those that all backed alike have no colour.
 * @param {import("./provenance.js").Provenance} provenance
 * @param {readonly string[]} members
 */
function byLeader(provenance, members) {
  /** @type {Map<string, string[]>} */
  const paths = new Map();
  for (const { index, disagreement, leader } of provenance.pieces) {
    const colour = leader === null ? "" : (colourOf(provenance.members[leader] ?? "", members) ?? "");
    const bars = paths.get(colour) ?? [];
    paths.set(colour, bars);
    bars.push(`M${index} 1v${-Math.max(0.02, disagreement).toFixed(3)}h.9V1z`);
  }
  return [...paths].map(([colour, bars]) => ({ colour, path: bars.join("") }));
}
