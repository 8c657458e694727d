/**
 * A fused text. Under the words runs a thread for each member: as strong as it backed the piece, and broken where it
 * did not. Words that not all backed alike have the colour of the member that backed them most.
 */

import { html, useEffect, useMemo, useRef, useState } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";

const THREAD = 2;
const GAP = 1;
/** Pieces of a text that is set smaller. */
const LONG = 120;
/** Pieces that are drawn in a frame: a long text comes in parts, so that the page answers meanwhile. */
const PART = 250;

/**
 * @param {object} properties
 * @param {import("./provenance.js").Provenance} properties.provenance
 * @param {readonly string[]} properties.members names of the network's members, in its order
 * @param {number} properties.least pieces of less disagreement are faint
 * @param {number} properties.chosen the piece that is shown in full
 * @param {number} properties.from the piece from which keys go
 * @param {number | null} properties.linked the piece that the address names: it is brought into view
 * @param {(index: number | null) => void} properties.onLook the pointer is over a piece, or over none any more
 * @param {(index: number) => void} properties.onChoose
 */
export function FusedText({ provenance, members, least, chosen, linked, from, onLook, onChoose }) {
  const text = useRef(/** @type {HTMLElement | null} */ (null));
  const pieces = usePieces(provenance, members);
  const hasChosen = pieces.length > chosen;
  const hasLinked = linked !== null && pieces.length > linked;
  useEffect(() => {
    const piece = text.current?.children[chosen];
    piece?.classList.add("chosen");
    return () => piece?.classList.remove("chosen");
  }, [chosen, hasChosen, members]);
  useEffect(() => {
    if (hasLinked) text.current?.children[linked]?.scrollIntoView({ block: "nearest" });
  }, [linked, hasLinked]);
  useEffect(() => {
    for (const { index, disagreement } of provenance.pieces.slice(0, pieces.length)) {
      text.current?.children[index]?.classList.toggle("faint", disagreement < least);
    }
  }, [least, pieces.length, members]);

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = after(event.key, provenance.pieces.length - 1, from);
    if (next === null) return;
    event.preventDefault();
    onChoose(next);
  }

  return html`<p
    class="fused"
    ref=${text}
    role="group"
    tabindex="0"
    aria-label="The text, piece by piece: arrow keys go through it"
    aria-activedescendant=${`piece-${chosen}`}
    data-long=${provenance.pieces.length > LONG || undefined}
    style=${{ "--threads": `${provenance.members.length * (THREAD + GAP)}px` }}
    onKeyDown=${pressed}
    onPointerOver=${(/** @type {PointerEvent} */ event) => event.pointerType === "mouse" && onLook(indexOf(event))}
    onPointerLeave=${() => onLook(null)}
    onClick=${(/** @type {Event} */ event) => {
      const index = indexOf(event);
      if (index !== null) onChoose(index);
    }}
  >${pieces}</p>`;
}

/**
 * Return the pieces that are drawn so far: with each frame a part more, and each of them once.
 * @param {import("./provenance.js").Provenance} provenance
 * @param {readonly string[]} members
 */
function usePieces(provenance, members) {
  const pieces = useMemo(() => /** @type {any[]} */ ([]), [provenance, members]);
  const total = provenance.pieces.length;
  const [wanted, setWanted] = useState(PART);
  for (const piece of provenance.pieces.slice(pieces.length, wanted)) {
    pieces.push(drawn(piece, provenance.members, members));
  }
  useEffect(() => {
    if (wanted >= total) return undefined;
    const frame = requestAnimationFrame(() => setWanted(wanted + PART));
    return () => cancelAnimationFrame(frame);
  }, [wanted, total]);
  return pieces.slice();
}

/**
 * The colour of a member's thread.
 * @param {{name: string, members: readonly string[]}} properties
 */
export function Thread({ name, members }) {
  return html`<span class="thread" aria-hidden="true" style=${{ "--agent": colourOf(name, members) ?? undefined }} />`;
}

/**
 * @param {import("./provenance.js").Backed} piece
 * @param {readonly string[]} names
 * @param {readonly string[]} members
 */
function drawn(piece, names, members) {
  const colours = names.map((name) => colourOf(name, members) ?? "#808080");
  const leader = piece.leader === null ? undefined : colours[piece.leader];
  const ending = piece.text === "" ? " end" : piece.text.startsWith("\n") ? " breaks" : "";
  return html`<span
    key=${piece.index}
    id=${`piece-${piece.index}`}
    data-piece=${piece.index}
    class=${`piece${leader === undefined ? "" : " agent"}${ending}`}
    style=${{ "--agent": leader, backgroundImage: threads(piece, colours) }}
  >${piece.text}</span>`;
}

/**
 * @param {import("./provenance.js").Backed} piece
 * @param {readonly string[]} colours
 */
function threads(piece, colours) {
  const stops = piece.backing.map((backing, member) => {
    const strength = Math.round(255 * Math.min(1, Math.max(0, backing ?? 0)));
    const colour = `${colours[member]}${strength.toString(16).padStart(2, "0")}`;
    const top = member * (THREAD + GAP);
    return `${colour} ${top}px ${top + THREAD}px, transparent ${top + THREAD}px ${top + THREAD + GAP}px`;
  });
  return `linear-gradient(${stops.join(", ")})`;
}

/**
 * Return the piece to which a key leads; null for other keys.
 * @param {string} key
 * @param {number} last
 * @param {number} from
 */
function after(key, last, from) {
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowRight") return Math.min(last, from + 1);
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  return null;
}

/** @param {Event} event */
function indexOf(event) {
  const piece = event.target instanceof HTMLElement ? event.target.dataset.piece : undefined;
  return piece === undefined ? null : Number(piece);
}
