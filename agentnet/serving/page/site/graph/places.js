/** Where the members stand: on a ring, each at a place that depends on the network's members and on nothing else. */

/** @typedef {{x: number, y: number, angle: number}} Place `angle` from the top, clockwise, in radians */
/**
 * @typedef {object} Ring
 * @property {number} width
 * @property {number} height
 * @property {number} size diameter of a member's disc
 * @property {boolean} isDense names stand along the rays, since they do not fit below the discs
 * @property {Map<string, Place>} places by name; the centre's name is empty
 */

const MOST_LOOSE = 12;
const NARROW = 480;

/**
 * @param {readonly string[]} names
 * @param {number} width of the picture, in pixels
 * @returns {Ring}
 */
export function ringOf(names, width) {
  const isDense = names.length > MOST_LOOSE;
  const isNarrow = width < NARROW;
  const height = Math.round(isDense ? Math.min(width, 640) : Math.min(Math.max(width, 320), 400));
  const size = isDense ? (names.length > 30 || isNarrow ? 10 : 16) : isNarrow ? 34 : 40;
  const [besideX, besideY] = isDense ? [isNarrow ? 62 : 92, isNarrow ? 62 : 92] : [54, 68];
  const across = isDense ? Math.min(width, height) / 2 - besideX : width / 2 - besideX;
  const down = isDense ? across : height / 2 - besideY;
  const middle = { x: width / 2, y: height / 2 };
  const places = new Map([["", { ...middle, angle: 0 }]]);
  names.forEach((name, index) => {
    const angle = (2 * Math.PI * index) / names.length;
    places.set(name, {
      x: middle.x + Math.min(across, 270) * Math.sin(angle),
      y: middle.y - down * Math.cos(angle),
      angle,
    });
  });
  return { width, height, size, isDense, places };
}

/**
 * How far a link's curve leaves the straight line, to its left: both directions between two members stay apart, and on
 * a dense ring links bend towards the middle.
 * @param {Ring} ring
 * @param {Place} from
 * @param {Place} to
 * @param {boolean} isJudgement votes and verdicts lie outside of what was read
 */
export function bendOf(ring, from, to, isJudgement) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  if (!ring.isDense) return Math.min(24, length / 8) + (isJudgement ? 22 : 0);
  const centre = /** @type {Place} */ (ring.places.get(""));
  const side = ((to.x - from.x) * (centre.y - from.y) - (to.y - from.y) * (centre.x - from.x)) / length;
  return -side * 0.55 + (isJudgement ? 14 : 0);
}

/**
 * Return points along the curve of a link, from its beginning to its end.
 * @param {Place} from
 * @param {Place} to
 * @param {number} bend from `bendOf`
 * @param {number} count
 */
export function pointsOf(from, to, bend, count) {
  const middle = controlOf(from, to, bend);
  return Array.from({ length: count }, (_, index) => {
    const at = index / (count - 1);
    const [before, between, behind] = [(1 - at) ** 2, 2 * at * (1 - at), at ** 2];
    return {
      x: before * from.x + between * middle.x + behind * to.x,
      y: before * from.y + between * middle.y + behind * to.y,
    };
  });
}

/**
 * Return the control point of a link's curve.
 * @param {Place} from
 * @param {Place} to
 * @param {number} bend from `bendOf`
 */
export function controlOf(from, to, bend) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(x, y) || 1;
  return { x: from.x + x / 2 + (y / length) * bend, y: from.y + y / 2 - (x / length) * bend };
}
