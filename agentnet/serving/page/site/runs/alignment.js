/** Which messages of two runs stand side by side. */

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {{first: Entry | null, second: Entry | null}} Pair */

/**
 * What two messages have in common to be a pair, the strictest first: the same place in the same expression; the same
 * round, kind and speaker in different protocols; the same kind and speaker.
 * @type {((entry: Entry) => string)[]}
 */
const PLACES = [
  (entry) => JSON.stringify([entry.node, entry.round, entry.agent]),
  (entry) => JSON.stringify([entry.round, entry.message.value?.body.kind, entry.agent]),
  (entry) => JSON.stringify([entry.message.value?.body.kind, entry.agent]),
];

/**
 * Return all messages of both runs, in pairs where they have the same place. The last messages, which hold the answers,
 * are a pair if they have no other partner. The order is that of the first run; what only the second run has follows on what it followed.
 * @param {readonly Entry[]} first messages of a run, in their order
 * @param {readonly Entry[]} second
 * @returns {Pair[]}
 */
export function aligned(first, second) {
  const partners = partnersOf(first, second);
  const paired = new Set(partners.values());
  /** @type {Map<Entry | null, Entry[]>} what only the second run has, by the message before it that is in a pair */
  const following = new Map();
  let before = /** @type {Entry | null} */ (null);
  for (const entry of second) {
    if (paired.has(entry)) before = entry;
    else following.set(before, [...(following.get(before) ?? []), entry]);
  }
  const alone = (/** @type {Entry | null} */ entry) => (following.get(entry) ?? []).map((other) => ({ first: null, second: other }));
  return [
    ...alone(null),
    ...first.flatMap((entry) => {
      const partner = partners.get(entry) ?? null;
      return [{ first: entry, second: partner }, ...(partner === null ? [] : alone(partner))];
    }),
  ];
}

/**
 * @param {readonly Entry[]} first
 * @param {readonly Entry[]} second
 */
function partnersOf(first, second) {
  /** @type {Map<Entry, Entry>} */
  const partners = new Map();
  for (const placeOf of PLACES) {
    const taken = new Set(partners.values());
    /** @type {Map<string, Entry[]>} */
    const free = new Map();
    for (const entry of second) {
      if (!taken.has(entry)) free.set(placeOf(entry), [...(free.get(placeOf(entry)) ?? []), entry]);
    }
    for (const entry of first) {
      const partner = partners.has(entry) ? undefined : free.get(placeOf(entry))?.shift();
      if (partner !== undefined) partners.set(entry, partner);
    }
  }
  const [one, other] = [first.at(-1), second.at(-1)];
  if (one !== undefined && other !== undefined && !partners.has(one) && ![...partners.values()].includes(other)) {
    partners.set(one, other);
  }
  return partners;
}
