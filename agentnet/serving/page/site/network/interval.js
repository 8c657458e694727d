/** The picture of an accuracy: its 95 % interval on a line from 0 to 100 %, a mark where it is, and the floor. */

import { html } from "../ui/preact.js";
import { percent } from "../ui/elements.js";

/** @typedef {import("./living.js").Ability} Ability */

/** What the ways of drawing an interval mean. */
const SOURCES = /** @type {const} */ ({
  measured: "measured here",
  card: "measured before, vouched for by the owner",
  trial: "on probation: counts nothing yet",
  claim: "claimed, not measured",
});

/**
 * @param {{ability: Ability, floor?: number, best?: boolean}} properties
 */
export function Interval({ ability, floor, best = false }) {
  const { low, high, accuracy, source } = ability;
  return html`<span class=${`accuracy from-${source}${best ? " best" : ""}`} role="img" aria-label=${told(ability)}
    title=${told(ability)}>
    <span class="track">
      ${source !== "claim" && html`<span class="level" style=${{ width: `${100 * accuracy}%` }}></span>`}
      ${floor !== undefined && html`<span class="floor" style=${{ left: `${100 * floor}%` }}></span>`}
      ${source !== "claim" &&
        html`<span class="range" style=${{ left: `${100 * low}%`, width: `${100 * Math.max(high - low, 0.012)}%` }}>
          </span>`}
      <span class="at" style=${{ left: `${100 * accuracy}%` }}></span>
    </span>
    <span class="number">${percent(accuracy)}</span>
  </span>`;
}

/**
 * An accuracy in words.
 * @param {Ability} ability
 */
export function told({ label, accuracy, low, high, proven, questions, source }) {
  if (source === "claim") return `${label}: claims ${percent(accuracy)}, nothing was measured`;
  const counts = source === "trial" ? "counts nothing yet" : `at least ${percent(proven)} proven`;
  const weight = Math.round(questions);
  const from = `from ${weight} ${weight === 1 ? "question" : "questions"}`;
  const range = `between ${percent(low)} and ${percent(high)}`;
  return `${label}: ${percent(accuracy)}, ${range}, ${from}; ${counts}; ${SOURCES[source]}`;
}

/** What the pictures mean; the floor where one is drawn. @param {{floor?: number}} properties */
export function Key({ floor }) {
  /** @type {Ability} */
  const example = { label: "example", accuracy: 0.72, low: 0.55, high: 0.86, proven: 0.6, questions: 40, source:
    "measured" };
  return html`<ul class="key">
    ${Object.entries(SOURCES).map(
      ([source, means]) => html`<li key=${source}>
        <span aria-hidden="true"><${Interval} ability=${{ ...example, source }} /></span>${means}
      </li>`,
    )}
    ${floor !== undefined &&
      html`<li><span class="accuracy" aria-hidden="true"><span class="track">
        <span class="floor" style=${{ left: `${100 * floor}%` }}></span></span>
          </span>the floor for newcomers, ${percent(floor)}</li>`}
  </ul>`;
}
