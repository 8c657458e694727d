/** A fused text in full: coloured, with its disagreements, one piece in detail, and the members' parts. */

import { html, useEffect, useMemo, useState } from "../ui/preact.js";
import { go } from "../routing.js";
import { Course } from "./course.js";
import { PartsOfMembers } from "./parts.js";
import { PieceShown } from "./piece.js";
import { Provenance } from "./provenance.js";
import { STRATEGIES } from "./strategies.js";
import { FusedText, nextDispute, previousDispute } from "./text.js";

/**
 * @param {object} properties
 * @param {import("./provenance.js").Fusion} properties.fusion
 * @param {import("./provenance.js").Settings} properties.settings
 * @param {readonly string[]} properties.members
 * @param {number | null} properties.piece the chosen one
 * @param {(index: number) => string} properties.address of a piece
 */
export function Report({ fusion, settings, members, piece, address }) {
  const provenance = useMemo(() => new Provenance(fusion, settings), [fusion, settings.sure, settings.weighted]);
  const [least, setLeast] = useState(0);
  const [looked, setLooked] = useState(/** @type {number | null} */ (null));
  const total = provenance.pieces.length;
  const chosen = piece !== null && piece < total ? piece : null;
  const shown = looked ?? chosen;
  useEffect(() => {
    if (chosen !== null) document.getElementById(`piece-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, []);
  if (total === 0) return html`<p class="fused plain">${fusion.text}</p>`;
  /** @param {number | null} index */
  const choose = (index) => {
    if (index !== null) go(address(index), { replace: true });
  };
  const next = nextDispute(provenance, chosen ?? -1, least);
  const previous = previousDispute(provenance, chosen ?? total, least);
  return html`<div class="report">
    <div class="written">
      <${FusedText} provenance=${provenance} members=${members} least=${least} chosen=${shown} onLook=${setLooked} onChoose=${choose} />
      <${Course} provenance=${provenance} members=${members} least=${least} chosen=${shown} onLeast=${setLeast} onChoose=${choose} />
    </div>
    <aside class="card" aria-live="polite" aria-label="The chosen piece">
      ${
        shown === null
          ? html`<p class="soft">Point at a piece of the text, or go through it with <kbd>←</kbd> <kbd>→</kbd>: here stands what
              each member gave it, and what would have stood there instead.</p>`
          : html`<${PieceShown} provenance=${provenance} members=${members} index=${shown} address=${address(shown)} />`
      }
      <p class="steps">
        <button type="button" disabled=${previous === null} onClick=${() => choose(previous)}>↑ Dispute before</button>
        <button type="button" disabled=${next === null} onClick=${() => choose(next)}>↓ Next dispute</button>
      </p>
    </aside>
    <p class="soft strategy">By <strong>${fusion.strategy}</strong>: ${STRATEGIES[fusion.strategy] ?? "a rule that this page does not know"}.</p>
    <${PartsOfMembers} provenance=${provenance} members=${members} />
  </div>`;
}
