/** The links of a graph, drawn on a canvas; the members themselves are elements of the page. */

import { bendOf, controlOf } from "./places.js";
import { CENTRE, JUDGEMENTS } from "./relations.js";

/** @typedef {import("./places.js").Ring} Ring */
/** @typedef {import("./relations.js").Link} Link */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */

const ARROW = 8;
const GAP = 4;
const REACH = 12;

/**
 * Draw onto a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export function drawingOn(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {{id: string, path: Path2D}[]} */
  let drawn = [];
  let tones = tonesOf(canvas);

  /**
   * @param {Ring} ring
   * @param {Link} link
   * @param {string} colour
   * @param {boolean} isFresh
   * @param {Size} centre
   */
  function draw(ring, link, colour, isFresh, centre) {
    const [from, to] = [ring.places.get(link.from), ring.places.get(link.to)];
    if (from === undefined || to === undefined) return;
    const isJudgement = JUDGEMENTS.includes(link.kind);
    const control = controlOf(from, to, bendOf(ring, from, to, isJudgement));
    const begin = leaving(from, control, reachOf(ring, link.from, centre, from, control));
    const arrow = ring.isDense ? ARROW * 0.6 : ARROW;
    const end = leaving(to, control, reachOf(ring, link.to, centre, to, control) + GAP);
    const back = leaving(end, control, arrow * 0.8);
    const path = new Path2D();
    path.moveTo(begin.x, begin.y);
    path.quadraticCurveTo(control.x, control.y, back.x, back.y);
    pen.globalAlpha = isFresh ? 1 : isJudgement ? 0.85 : ring.isDense ? 0.22 : 0.42;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = Math.min(6, (ring.isDense ? 0.8 : 1.5) + Math.log2(Math.max(1, link.count)));
    pen.setLineDash(link.kind === "disapprove" ? [6, 4] : link.kind === "assign" ? [2, 4] : []);
    pen.stroke(path);
    pen.setLineDash([]);
    drawHead(pen, link.kind, end, Math.atan2(end.y - control.y, end.x - control.x), arrow);
    drawn.push({ id: link.id, path });
  }

  return {
    /**
     * @param {Ring} ring
     * @param {readonly Link[]} links
     * @param {ReadonlySet<Link>} fresh links that stand out, in front of the others
     * @param {(name: string) => string | null} colourOf a member
     * @param {Size} centre of what stands in the middle
     */
    show(ring, links, fresh, colourOf, centre) {
      const scale = Math.min(2, devicePixelRatio);
      canvas.width = ring.width * scale;
      canvas.height = ring.height * scale;
      pen.scale(scale, scale);
      drawn = [];
      for (const isFresh of [false, true]) {
        for (const link of links) {
          if (fresh.has(link) !== isFresh) continue;
          draw(ring, link, tones[link.kind] ?? colourOf(link.from) ?? tones.other, isFresh, centre);
        }
      }
    },
    /** Take the colours that the page has now. */
    dress() {
      tones = tonesOf(canvas);
    },
    /**
     * Return the id of the link at a point; null where there is none.
     * @param {Point} point
     */
    at({ x, y }) {
      const scale = Math.min(2, devicePixelRatio);
      pen.lineWidth = REACH;
      return drawn.findLast(({ path }) => pen.isPointInStroke(path, x * scale, y * scale))?.id ?? null;
    },
  };
}

/**
 * Draw the end of a link: an arrow for what is read, and other forms for judgements, so that colour is not all.
 * @param {CanvasRenderingContext2D} pen
 * @param {Link["kind"]} kind
 * @param {Point} at
 * @param {number} angle
 * @param {number} size
 */
function drawHead(pen, kind, { x, y }, angle, size) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(angle);
  pen.beginPath();
  if (kind === "approve") {
    pen.arc(-size / 2, 0, size / 2, 0, 2 * Math.PI);
    pen.fill();
  } else if (kind === "disapprove") {
    pen.moveTo(-1, -size * 0.7);
    pen.lineTo(-1, size * 0.7);
    pen.lineWidth = 3;
    pen.stroke();
  } else {
    pen.moveTo(0, 0);
    pen.lineTo(-size, -size * 0.5);
    if (kind === "vote" || kind === "grade") pen.lineTo(-size * 0.6, 0);
    pen.lineTo(-size, size * 0.5);
    pen.fill();
  }
  pen.restore();
}

/**
 * Return the point that lies `reach` away from another, towards a third.
 * @param {Point} from
 * @param {Point} towards
 * @param {number} reach
 */
function leaving(from, towards, reach) {
  const length = Math.hypot(towards.x - from.x, towards.y - from.y) || 1;
  return { x: from.x + ((towards.x - from.x) / length) * reach, y: from.y + ((towards.y - from.y) / length) * reach };
}

/**
 * Return how far the outline of an actor is from its middle, towards a point.
 * @param {Ring} ring
 * @param {string} name
 * @param {Size} centre
 * @param {Point} from
 * @param {Point} towards
 */
function reachOf(ring, name, centre, from, towards) {
  if (name !== CENTRE) return ring.size / 2 + GAP;
  const [x, y] = [Math.abs(towards.x - from.x), Math.abs(towards.y - from.y)];
  const length = Math.hypot(x, y) || 1;
  return Math.min(centre.width / 2 / (x / length || 1e-9), centre.height / 2 / (y / length || 1e-9));
}

/**
 * Return the page's colours, as a canvas reads them, of those kinds that do not have their member's.
 * @param {HTMLElement} element
 * @returns {Record<string, string> & {other: string}}
 */
function tonesOf(element) {
  const probe = document.createElement("span");
  element.after(probe);
  const [other = "", accent = "", good = "", bad = ""] = ["--soft", "--accent", "--good", "--bad"].map((token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return { other, vote: accent, grade: accent, approve: good, disapprove: bad };
}
