/** Who read whom in a run, who voted for whom, whose answers were decided on: its messages as the links of a graph. */

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("../run/state.js").Message} Message */
/** @typedef {"read" | "vote" | "approve" | "disapprove" | "grade" | "decide" | "assign"} Kind */

/**
 * @typedef {object} Link from an actor to another. For `read` it goes from the one that was read to its reader.
 * @property {string} id
 * @property {string} from
 * @property {string} to
 * @property {Kind} kind
 * @property {number} count messages that it stands for
 * @property {number} last sequence of the latest of them
 */

/** The actor that stands for the coordinator, a fusion and whoever else decides and is no member. */
export const CENTRE = "";
const NO_MEMBERS = ["coordinator", "fusion", "candidate"];
const ASKER = "user";
/** Bodies that only hand a question on: reading them says nothing about the network. */
const QUESTIONS = ["task", "analysis", "plan", "assignment"];

/** What an actor has done so far. */
export class Actor {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.messages = 0;
    /** Its latest answer. */
    this.answer = "";
    this.hasFailed = false;
    this.votes = 0;
    this.approvals = 0;
    this.disapprovals = 0;
  }
}

export class Relations {
  constructor() {
    /** @type {Map<string, Actor>} */
    this.actors = new Map();
    /** @type {Map<string, Link>} */
    this.links = new Map();
    /** The latest message, and the links that it made. @type {Message | null} */
    this.latest = null;
    /** @type {Link[]} */
    this.fresh = [];
    /** What was decided last. @type {{answer: string, how: string, approved: boolean | null} | null} */
    this.decision = null;
    /** @type {Map<string, Message>} */
    this._known = new Map();
  }

  /**
   * Take in the messages of turns, in their order. Those that are known change nothing.
   * @param {readonly Entry[]} entries
   * @returns {Link[][]} the links that each new message made
   */
  take(entries) {
    const made = [];
    for (const entry of entries) {
      const message = entry.message.value;
      if (message === null || this._known.has(message.id)) continue;
      this._known.set(message.id, message);
      made.push(this._said(message));
    }
    return made;
  }

  /** @param {string} name */
  actor(name) {
    let found = this.actors.get(name);
    if (found === undefined) this.actors.set(name, (found = new Actor(name)));
    return found;
  }

  /** @param {Message} message */
  _said(message) {
    const { body } = message;
    if (message.sender === ASKER) return [];
    const speaker = actorOf(message.sender);
    const actor = this.actor(speaker);
    actor.messages += 1;
    actor.hasFailed = body.kind === "error";
    if (typeof body.answer === "string" && body.kind !== "verdict") actor.answer = body.answer;
    /** @type {Map<string, Link>} */
    const made = new Map();
    /** @type {(from: string, to: string, kind: Kind) => void} */
    const add = (from, to, kind) => {
      const id = JSON.stringify([from, to, kind]);
      if (from === to || made.has(id)) return;
      let link = this.links.get(id);
      if (link === undefined) this.links.set(id, (link = { id, from, to, kind, count: 0, last: 0 }));
      link.count += 1;
      link.last = message.sequence;
      made.set(id, link);
    };
    const isDecision = body.kind === "result" || body.kind === "fusion";
    for (const id of isDecision ? (body.sources ?? []) : message.reply_to) {
      const source = this._known.get(id);
      if (source === undefined || QUESTIONS.includes(source.body.kind)) continue;
      add(actorOf(source.sender), speaker, isDecision ? "decide" : "read");
    }
    this._judge(body, speaker, add);
    if (isDecision) this.decision = { answer: body.answer, how: body.decision ?? body.strategy, approved: body.approved ?? null };
    this.latest = message;
    this.fresh = [...made.values()];
    return this.fresh;
  }

  /**
   * @param {Message["body"]} body
   * @param {string} speaker
   * @param {(from: string, to: string, kind: Kind) => void} add
   */
  _judge(body, speaker, add) {
    const judged = this._known.get(body.choice ?? body.target)?.sender;
    const candidate = judged === undefined ? null : this.actor(actorOf(judged));
    if (body.kind === "fusion") {
      for (const name of body.members) add(this.actor(name).name, speaker, "decide");
    } else if (body.kind === "assignment") {
      add(speaker, this.actor(body.agent).name, "assign");
    } else if (candidate === null) return;
    else if (body.kind === "vote") {
      candidate.votes += 1;
      add(speaker, candidate.name, "vote");
    } else if (body.kind === "verdict") {
      candidate[body.verdict === "approve" ? "approvals" : "disapprovals"] += 1;
      add(speaker, candidate.name, body.verdict);
    } else if (body.kind === "grade") add(speaker, candidate.name, "grade");
  }
}

/** @param {string} sender */
function actorOf(sender) {
  return NO_MEMBERS.includes(sender) ? CENTRE : sender;
}

/**
 * Return those links that a picture shows: at most `most`, the strongest and the latest; with an actor chosen, all of
 * its links and no others.
 * @param {Relations} relations
 * @param {string} chosen name of an actor; empty: none
 * @param {number} most
 */
export function shownLinks(relations, chosen, most) {
  const links = [...relations.links.values()];
  if (chosen !== CENTRE) return links.filter((link) => link.from === chosen || link.to === chosen);
  if (links.length <= most) return links;
  const fresh = new Set(relations.fresh);
  return links.sort((a, b) => Number(fresh.has(b)) - Number(fresh.has(a)) || b.count - a.count || b.last - a.last).slice(0, most);
}
