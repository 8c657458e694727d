/**
 * Where each turn stands in a transcript: stages (a round of a debate, a step of a chain) in the order of their first
 * message, and in them the members in their network's order. It depends on what was said, not on when it arrived, so
 * that turns stay in their place while they are written, and every reader sees the same.
 */

/** @typedef {import("./state.js").Entry} Entry */
/**
 * @typedef {object} Stage
 * @property {string} key
 * @property {string} title empty where nothing needs to be said
 * @property {number} depth expressions around it
 * @property {boolean} aside whether it is a remark of the coordinator's, or the task
 * @property {Entry[][]} blocks turns that read the same, and so could be taken side by side
 */

const BASES = /** @type {Record<string, string>} */ ({
  parallel: "Side by side",
  serial: "In turn",
  before: "Said before",
  debate: "Debate",
  verify: "Checked",
  fuse: "Written together",
  cascade: "Small ones first",
  route: "Passed on",
});
/** What the paths of messages begin with that another protocol said before a fork. */
const BEFORE = "before";
/** A part of an expression's path: its kind, and which of them it is, as in `debate-2.0`. */
const PART = /^([a-z]+)(?:-(\d+))?/;
const ROUNDS = /** @type {Record<string, string>} */ ({ debate: "Round", verify: "Attempt", route: "Hop" });

/**
 * Return the stages of a run.
 * @param {readonly Entry[]} entries
 * @param {readonly string[]} members names of the network's members, in its order
 * @returns {Stage[]}
 */
export function stagesOf(entries, members) {
  /** @type {Map<string, {stage: Stage, blocks: Map<string, Entry[]>, place: number[]}>} */
  const found = new Map();
  /** @type {Map<string, number>} */
  const begins = new Map();
  const isFork = entries.some((entry) => entry.node.startsWith(`${BEFORE}/`));
  for (const [index, entry] of entries.entries()) {
    const aside = isAside(entry, members);
    const scope = entry.node.split("/").slice(0, -1);
    const place = [...placeOf(scope, index, begins), index];
    const key = aside ? entry.id : `${scope.join("/")} ${entry.round}`;
    let known = found.get(key);
    if (known === undefined) {
      const title = aside ? "" : titleOf(scope, entry.round, isFork);
      const stage = { key, title, depth: depthOf(entry.node), aside, blocks: [] };
      known = { stage, blocks: new Map(), place };
      found.set(key, known);
    }
    const read = entry.reads.join(" ");
    const block = known.blocks.get(read);
    if (block === undefined) known.blocks.set(read, [entry]);
    else block.push(entry);
  }
  const stages = [...found.values()].sort((one, other) => compare(one.place, other.place));
  return stages.map(({ stage, blocks }) => ({
    ...stage,
    blocks: [...blocks.values()].map((block) => block.sort((one, other) => before(one, other, members))),
  }));
}

/**
 * Return the calls of tools that belong to turns, by the id of the turn.
 * @param {readonly Entry[]} entries
 */
export function callsOf(entries) {
  const known = new Set(entries.map((entry) => entry.id));
  /** @type {Map<string, Entry[]>} */
  const calls = new Map();
  for (const entry of entries) {
    const body = entry.message.value?.body;
    if (body?.kind !== "tool-call" || !known.has(body.turn)) continue;
    calls.set(body.turn, [...(calls.get(body.turn) ?? []), entry]);
  }
  return calls;
}

/**
 * Return whether an entry is none of a member's turns: the task, and what the coordinator says.
 * @param {Entry} entry
 * @param {readonly string[]} members
 */
export function isAside(entry, members) {
  return entry.agent !== "fusion" && !members.includes(entry.agent);
}

/**
 * Return the place of an expression: what is said in it stands together, and the parts of one kind in their order.
 * @param {string[]} scope
 * @param {number} index of an entry in it
 * @param {Map<string, number>} begins the first entry of each kind of part; is added to
 */
function placeOf(scope, index, begins) {
  return scope.slice(1).flatMap((part, depth) => {
    const [, base = part, number = "0"] = PART.exec(part) ?? [];
    const kind = [...scope.slice(0, depth + 1), base].join("/");
    const begin = begins.get(kind) ?? index;
    begins.set(kind, begin);
    return [begin, Number(number)];
  });
}

/**
 * @param {readonly number[]} one
 * @param {readonly number[]} other
 */
function compare(one, other) {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return -1;
}

/**
 * Return how deep an expression lies in others: the dots in the path are the rounds of nested ones.
 * @param {string} node
 */
function depthOf(node) {
  return node.split("/").slice(1, -1).filter((part) => part.includes(".")).length;
}

/**
 * @param {string[]} scope
 * @param {number} round
 * @param {boolean} isFork whether the run began with what another protocol said
 */
function titleOf(scope, round, isFork) {
  const own = scope.findIndex((part) => part !== BEFORE);
  const title = ownTitleOf(scope.slice(own), round);
  if (own > 0) return [BASES[BEFORE], title.toLowerCase()].filter((part) => part !== "").join(" · ");
  return title === "" && isFork ? "From there on" : title;
}

/**
 * @param {string[]} scope
 * @param {number} round
 */
function ownTitleOf(scope, round) {
  const [, base = "", number = ""] = PART.exec(scope.at(-1) ?? "") ?? [];
  const counted = ROUNDS[base];
  const told = counted !== undefined && (base === "debate" || round > 0) ? `${counted} ${round + 1}` : "";
  if (scope.length < 2 || !(base in BASES)) return told;
  return [`${BASES[base]} ${number}`.trim(), told.toLowerCase()].filter((part) => part !== "").join(" · ");
}

/**
 * @param {Entry} one
 * @param {Entry} other
 * @param {readonly string[]} members
 */
function before(one, other, members) {
  const places = members.indexOf(one.agent) - members.indexOf(other.agent);
  if (places !== 0) return places;
  return one.node === other.node ? sequence(one) - sequence(other) || 0 : one.node < other.node ? -1 : 1;
}

/** @param {Entry} entry */
function sequence(entry) {
  return entry.message.value?.sequence ?? Infinity;
}
