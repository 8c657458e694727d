/** Who answers what: the answers in a run, and those that its members stand by at the end of what was said so far. */

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./state.js").RunState} RunState */
/**
 * @typedef {{answer: string, backers: string[], weight: number}} Support `weight`: what counted, else the number of
 *   backers
 */

const OWN = ["proposal", "revision", "synthesis", "fusion"];

/**
 * Return the answer of a message's body, where it carries one.
 * @param {Entry} entry
 * @returns {string | null}
 */
export function answerOf(entry) {
  const body = entry.message.value?.body;
  return body !== undefined && (OWN.includes(body.kind) || body.kind === "result") ? body.answer : null;
}

/**
 * Return the answers to the run's task, the most supported first, with the members whose last word each is. Steps of a
 * plan answer other questions, and do not count.
 * @param {RunState} state
 * @returns {Support[]}
 */
export function standing(state) {
  const entries = state.entries.value;
  const members = state.members.value;
  const questions = entries.filter((entry) => ["task", "analysis"].includes(kindOf(entry)));
  const asked = new Set(questions.map((entry) => entry.id));
  /** @type {Map<string, string>} */
  const last = new Map();
  for (const entry of entries) {
    if (!OWN.includes(kindOf(entry)) || !entry.reads.some((id) => asked.has(id))) continue;
    last.set(entry.agent, answerOf(entry) ?? "");
  }
  const result = resultOf(state)?.message.value?.body;
  const isOwn = result?.sources.every((/** @type {string} */ id) => OWN.includes(kindOf(state.entry(id)))) ?? false;
  /** @type {Map<string, number>} */
  const counted = new Map(isOwn ? Object.entries(result?.support ?? {}) : []);
  /** @type {Map<string, Support>} */
  const found = new Map();
  for (const [agent, answer] of last) {
    const known = [...counted.keys(), ...found.keys()].find((spelled) => same(spelled, answer));
    const support = found.get(known ?? answer) ?? { answer: known ?? answer, backers: [], weight: 0 };
    support.backers.push(agent);
    support.backers.sort((one, other) => members.indexOf(one) - members.indexOf(other));
    support.weight = counted.get(support.answer) ?? support.backers.length;
    found.set(support.answer, support);
  }
  const chosen = state.ended.value?.answer ?? "";
  const isChosen = (/** @type {Support} */ support) => Number(same(support.answer, chosen));
  return [...found.values()].sort((one, other) => other.weight - one.weight || isChosen(other) - isChosen(one));
}

/**
 * Return the decision that the run's answer is from: its last result; undefined where none was made.
 * @param {RunState} state
 */
export function resultOf(state) {
  return state.entries.value.findLast((entry) => kindOf(entry) === "result");
}

/**
 * Return what a member answered before a turn; null where this is its first answer.
 * @param {Entry} entry
 * @param {RunState} state
 */
export function answeredBefore(entry, state) {
  for (const id of entry.reads) {
    const read = state.entry(id);
    if (read !== undefined && read.agent === entry.agent) return answerOf(read);
  }
  return null;
}

/** @param {Entry | undefined} entry */
function kindOf(entry) {
  return entry?.message.value?.body.kind ?? "";
}

/**
 * Return whether two answers are spelled alike, but for case and spaces around them.
 * @param {string} one
 * @param {string} other
 */
export function same(one, other) {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
