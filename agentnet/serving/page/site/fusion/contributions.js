/** What each member had to do with a fused text. */

import { html, useMemo } from "../ui/preact.js";
import { Agent, percent } from "../ui/elements.js";
import { colourOf } from "../ui/colours.js";
import { Bar } from "./piece.js";

/**
 * @param {{provenance: import("./provenance.js").Provenance, members: readonly string[]}} properties
 */
export function Contributions({ provenance, members }) {
  const parts = useMemo(() => provenance.contributions(), [provenance]);
  const total = provenance.pieces.length;
  const shared = provenance.pieces.filter((piece) => piece.leader === null).length;
  const counts = parts.some((part) => part.evaluations !== null);
  return html`<section class="contributions">
    <h2>The members' parts</h2>
    <p class="soft">${
      shared === 0
        ? "No piece was backed by all members alike."
        : `${shared} of ${total} pieces were backed by all members alike; those have no colour.`
    }</p>
    <div class="wide" role="region" tabindex="0" aria-label="The members' parts"><table>
      <thead><tr>
        <th>Member</th><th>Mean backing</th><th class="number">Led</th><th class="number">Against</th>
        <th class="number">Respelled</th>${counts && html`<th class="number">Evaluations</th>`}
      </tr></thead>
      <tbody>${parts.map(
        (part) => html`<tr key=${part.name}>
          <th scope="row"><${Agent} name=${part.name} members=${members} />${part.dropped !== null &&
            html`<div class="left-out">left out: ${part.dropped}</div>`}</th>
          <td class="backing"><${Bar} share=${part.backing}
            colour=${colourOf(part.name, members)} /> ${percent(part.backing)}</td>
          <td class="number">${part.led}</td>
          <td class="number">${part.against}</td>
          <td class="number">${part.respelled}</td>
          ${counts && html`<td class="number">${part.evaluations ?? ""}</td>`}
        </tr>`,
      )}</tbody>
    </table></div>
    <details>
      <summary>What the columns count</summary>
      <dl>
        <dt>Mean backing</dt><dd>${MEANING[provenance.unit]}, over all pieces that it was asked for.</dd>
        <dt>Led</dt>
        <dd>Pieces in its colour: it backed them most, where not all backed them alike. Of members that did so alike,
          the first one.</dd>
        <dt>Against</dt>
        <dd>Pieces of the text that it backed by less than half: it would rather have written something else.</dd>
        <dt>Respelled</dt>
        <dd>Pieces that are no token of its own vocabulary there, and were tokenized again for it.</dd>
        ${counts && html`<dt>Evaluations</dt>
          <dd>How often its model ran: where members agree, several pieces are evaluated at once.</dd>`}
      </dl>
    </details>
  </section>`;
}

const MEANING = {
  probability: "The probability that it gave the piece",
  logprob: "The probability that it gave the piece",
  logit: "1 for a piece among its likeliest, else 0",
};
