/** A fused text in full: coloured, with its disagreements, one piece in detail, and the members' parts. */

import { html, useMemo, useState } from "../ui/preact.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { go } from "../routing.js";
import { Disagreement } from "./disagreement.js";
import { Contributions } from "./contributions.js";
import { PieceShown } from "./piece.js";
import { Provenance } from "./provenance.js";
import { STRATEGIES } from "./strategies.js";
import { FusedText } from "./text.js";

/** What counts as a dispute where the reader has not chosen how much. */
const DISPUTE = 0.05;

/**
 * @param {object} properties
 * @param {import("./provenance.js").Fusion} properties.fusion
 * @param {import("./provenance.js").Settings} properties.settings
 * @param {readonly string[]} properties.members
 * @param {number | null} properties.piece the chosen one
 * @param {(index: number) => string} properties.address of a piece
 */
export function Explorer({ fusion, settings, members, piece, address }) {
  const provenance = useMemo(() => new Provenance(fusion, settings), [fusion, settings.sure, settings.weighted]);
  const [least, setLeast] = useState(0);
  const [looked, setLooked] = useState(/** @type {number | null} */ (null));
  const total = provenance.pieces.length;
  const chosen = piece !== null && piece < total ? piece : null;
  const first = chosen ?? provenance.mostDisputed;
  const shown = looked ?? first;
  /** @param {number | null} index */
  const choose = (index) => {
    if (index === null) return;
    setLooked(null);
    go(address(index), { replace: true });
  };
  const disputed = provenance.disputed(least || DISPUTE);
  const next = disputed.find((index) => index > first) ?? null;
  const previous = disputed.findLast((index) => index < first) ?? null;
  useShortcuts("A text written together", [
    { key: "n", what: "Next piece in dispute", run: () => choose(next) },
    { key: "p", what: "Previous piece in dispute", run: () => choose(previous) },
  ]);
  if (total === 0) return html`<p class="fused uncoloured">${fusion.text}</p>`;
  return html`<div class="explorer">
    <${FusedText} provenance=${provenance} members=${members} least=${least} chosen=${shown} linked=${chosen}
      from=${first} onLook=${setLooked} onChoose=${choose} />
    <aside class="card" aria-live="polite" aria-label="The chosen piece">
      <${PieceShown} provenance=${provenance} members=${members} index=${shown} address=${address(shown)} />
      <p class="dispute-steps">
        <button type="button" disabled=${previous === null}
          onClick=${() => choose(previous)}><kbd>p</kbd> Previous</button>
        <button type="button" disabled=${next === null} onClick=${() => choose(next)}><kbd>n</kbd> Next dispute</button>
      </p>
    </aside>
    <${Disagreement} provenance=${provenance} members=${members} least=${least} chosen=${shown} onLeast=${setLeast}
      onChoose=${choose} />
    <p class="soft strategy">By <strong>${fusion.strategy}</strong>, each piece is ${
      STRATEGIES[fusion.strategy] ?? "chosen by a rule that this page does not know"
    }. A thread under the words is a member's: as strong as it backed them, and broken where it did not. Point at a
      piece, or go through them with <kbd>←</kbd> <kbd>→</kbd>.</p>
    <${Contributions} provenance=${provenance} members=${members} />
  </div>`;
}
