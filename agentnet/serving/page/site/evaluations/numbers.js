/** Numbers of evaluations as people read them. */

/**
 * A share, as `93.3`.
 * @param {number} share
 */
export function percent(share) {
  return (100 * share).toFixed(1);
}

/**
 * The bounds of a share, as `90.1–95.5`.
 * @param {import("./types.js").Bounded} share
 */
export function bounds({ low, high }) {
  return `${percent(low)}–${percent(high)}`;
}

/**
 * A difference in points, as `+15.3`.
 * @param {number} difference
 */
export function points(difference) {
  const shown = (100 * difference).toFixed(1);
  return difference < 0 ? shown.replace("-", "−") : `+${shown}`;
}

/**
 * A probability of chance, as `0.0098`.
 * @param {number} p
 */
export function chance(p) {
  return p < 0.0001 ? "<0.0001" : String(Number(p.toPrecision(2)));
}

/**
 * How long something takes, as `about 3 min`.
 * @param {number} seconds
 */
export function about(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}
