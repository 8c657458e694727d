/** Numbers and times as the Network view writes them. */

/**
 * Seconds as people say them: `12 ms`, `1.4 s`, `3 min`.
 * @param {number | null} seconds
 */
export function seconds(seconds) {
  if (seconds === null) return "–";
  if (seconds < 1) return `${Math.max(1, Math.round(1000 * seconds))} ms`;
  if (seconds < 100) return `${seconds.toPrecision(2)} s`;
  return `${Math.round(seconds / 60)} min`;
}

/**
 * A likelihood ratio: `0.02`, `3.4`, `1 250`, `3 × 10⁸`.
 * @param {number} value
 */
export function ratio(value) {
  if (value === 0 || value < 0.005) return "nearly 0";
  if (value < 10) return value.toPrecision(2);
  if (value < 1e6) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  const power = Math.floor(Math.log10(value));
  const digits = [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
  const front = Math.round(value / 10 ** power);
  return front === 1 ? `10${digits}` : `${front} × 10${digits}`;
}

/**
 * A number of parameters: `784 K`, `1.3 M`, `7 B`.
 * @param {number} value
 */
export function size(value) {
  for (const [unit, length] of /** @type {const} */ ([["B", 1e9], ["M", 1e6], ["K", 1e3]])) {
    if (value >= length) return `${value / length < 10 ? (value / length).toPrecision(2) :
      Math.round(value / length)} ${unit}`;
  }
  return String(value);
}
