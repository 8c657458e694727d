/** Which messages of two runs stand side by side. */

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {{first: Entry | null, second: Entry | null}} Pair */

/** How much two messages belong together: the same place of the same expression, or what they have in common. */
const SAME_PLACE = 4;
const SAME_ROUND = 3;
const SAME_SPEAKER = 2;
const BOTH_LAST = 1;

/** Pairs of messages that are compared at most: all of two runs of 1,000 messages, some of those of longer ones. */
const MOST_PAIRS = 1_000_000;

/**
 * Return all messages of both runs in an order that both have, in pairs where they belong together: of all such orders
 * the one with the most in common (Needleman and Wunsch, 1970). Members who answer side by side have no order among
 * them; they are taken in that of their names. In long runs, messages are paired that stand at about the same share of
 * their run: within a band around the diagonal of the table (Fickett, 1984).
 * @param {readonly Entry[]} first messages of a run, in their order
 * @param {readonly Entry[]} second
 * @param {number} [most] pairs that are compared
 * @returns {Pair[]}
 */
export function aligned(first, second, most = MOST_PAIRS) {
  const [one, other] = [settled(first), settled(second)];
  const columns = other.length + 1;
  const [least, wanted] = [2 + Math.ceil(columns / (one.length + 1)), Math.floor(most / (one.length + 1))];
  const width = Math.min(columns, Math.max(least, wanted));
  const begin = (/** @type {number} */ row) => Math.floor(((columns - width) * row) / Math.max(1, one.length));
  const best = new Int32Array((one.length + 1) * width);
  /** What the messages from a place on have in common; -1 outside of the band. */
  const at = (/** @type {number} */ row, /** @type {number} */ column) => {
    const place = column - begin(row);
    return row > one.length || place < 0 || place >= width ? -1 : (best[row * width + place] ?? -1);
  };
  const together = (/** @type {number} */ row, /** @type {number} */ column) => {
    const [a, b] = [/** @type {Entry} */ (one[row]), /** @type {Entry} */ (other[column])];
    return affinity(a, b) || (row === one.length - 1 && column === other.length - 1 ? BOTH_LAST : 0);
  };
  const paired = (/** @type {number} */ row, /** @type {number} */ column) => {
    const after = row < one.length && column < other.length ? at(row + 1, column + 1) : -1;
    const shared = after < 0 ? 0 : together(row, column);
    return shared > 0 ? after + shared : -1;
  };
  for (let row = one.length - 1; row >= 0; row -= 1) {
    const start = begin(row);
    for (let column = Math.min(other.length, start + width) - 1; column >= start; column -= 1) {
      const found = Math.max(paired(row, column), at(row + 1, column), at(row, column + 1));
      best[row * width + column - start] = found;
    }
  }
  /** @type {Pair[]} */
  const pairs = [];
  let [row, column] = [0, 0];
  while (row < one.length || column < other.length) {
    const [a, b] = [one[row] ?? null, other[column] ?? null];
    if (at(row, column) === paired(row, column)) {
      pairs.push({ first: a, second: b });
      row += 1;
      column += 1;
    } else if (a !== null && at(row, column) === at(row + 1, column)) {
      pairs.push({ first: a, second: null });
      row += 1;
    } else {
      pairs.push({ first: null, second: b });
      column += 1;
    }
  }
  return pairs;
}

/** @param {Entry} one @param {Entry} other @returns {number} 0: they do not belong together */
function affinity(one, other) {
  const kind = one.message.value?.body.kind;
  if (one.agent !== other.agent || kind !== other.message.value?.body.kind) return 0;
  if (one.round !== other.round) return SAME_SPEAKER;
  return placeOf(one) === placeOf(other) ? SAME_PLACE : SAME_ROUND;
}

/** The place in the expression; a fork has what it began with below `before`. @param {Entry} entry */
function placeOf(entry) {
  return entry.node.replace(/^before\//, "");
}

/** @param {readonly Entry[]} entries */
function settled(entries) {
  /** @type {Entry[][]} */
  const groups = [];
  for (const entry of entries) {
    const group = groups.at(-1);
    if (group !== undefined && isBeside(group[0], entry)) group.push(entry);
    else groups.push([entry]);
  }
  return groups.flatMap((group) => group.sort((one, other) => one.agent.localeCompare(other.agent)));
}

/**
 * Return whether two messages were said side by side: both after the same messages.
 * @param {Entry | undefined} one
 * @param {Entry} other
 */
function isBeside(one, other) {
  return one?.round === other.round && one.reads.length > 0 && one.reads.join() === other.reads.join();
}
