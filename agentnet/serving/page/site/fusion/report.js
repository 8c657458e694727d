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
  const first = chosen ?? provenance.mostDisputed;
  const shown = looked ?? first;
  useEffect(() => {
    if (chosen !== null) document.getElementById(`piece-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, []);
  if (total === 0) return html`<p class="fused plain">${fusion.text}</p>`;
  /** @param {number | null} index */
  const choose = (index) => {
    if (index === null) return;
    setLooked(null);
    go(address(index), { replace: true });
  };
  const next = nextDispute(provenance, first, least);
  const previous = previousDispute(provenance, first, least);
  return html`<div class="report">
    <${FusedText} provenance=${provenance} members=${members} least=${least} chosen=${shown} from=${first} onLook=${setLooked} onChoose=${choose} />
    <aside class="card" aria-live="polite" aria-label="The chosen piece">
      <${PieceShown} provenance=${provenance} members=${members} index=${shown} address=${address(shown)} />
      <p class="steps">
        <button type="button" disabled=${previous === null} onClick=${() => choose(previous)}><kbd>↑</kbd> Dispute before</button>
        <button type="button" disabled=${next === null} onClick=${() => choose(next)}><kbd>↓</kbd> Next dispute</button>
      </p>
    </aside>
    <${Course} provenance=${provenance} members=${members} least=${least} chosen=${shown} onLeast=${setLeast} onChoose=${choose} />
    <p class="soft strategy">By <strong>${fusion.strategy}</strong>, each piece is ${STRATEGIES[fusion.strategy] ?? "chosen by a rule that this page does not know"}.
      A thread under the words is a member's: as strong as it backed them, and broken where it did not. Point at a piece, or go through
      them with <kbd>←</kbd> <kbd>→</kbd>.</p>
    <${PartsOfMembers} provenance=${provenance} members=${members} />
  </div>`;
}
