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
 * @property {number} count messages that it stands for; 0 while the first of them is being written
 * @property {number} last sequence of the latest of them
 */

/** The actor that stands for the coordinator, a fusion and whoever else decides and is no member. */
export const CENTRE = "";
const NO_MEMBERS = ["coordinator", "fusion", "candidate"];
const ASKER = "user";
export const JUDGEMENTS = ["vote", "approve", "disapprove", "grade"];
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
    /** The latest message. @type {Message | null} */
    this.latest = null;
    /** The links of the turns that are open; where none is, those of the latest message. @type {Link[]} */
    this.fresh = [];
    /** What was decided last. @type {{answer: string, how: string, approved: boolean | null} | null} */
    this.decision = null;
    /** @type {Map<string, Message>} */
    this._known = new Map();
    /** The links of turns whose beginning was seen, by the id of their message. @type {Map<string, Link[]>} */
    this._begun = new Map();
    /** @type {Link[]} */
    this._latest = [];
  }

  /**
   * Take in turns, in their order. What is known changes nothing.
   * @param {readonly Entry[]} entries
   * @returns {Link[]} along which something has just gone: what an open turn reads, and how it judged at its end
   */
  take(entries) {
    const moved = [];
    const open = [];
    for (const entry of entries) {
      const message = entry.message.value;
      if (message === null) {
        const begun = this._begun.get(entry.id);
        const links = begun ?? this._reads(entry.reads, actorOf(entry.agent), "read");
        if (begun === undefined) moved.push(...links);
        this._begun.set(entry.id, links);
        open.push(...links);
      } else if (!this._known.has(message.id)) {
        this._known.set(message.id, message);
        const links = this._said(message);
        if (this._begun.has(message.id)) moved.push(...links.filter((link) => JUDGEMENTS.includes(link.kind)));
      }
    }
    this.fresh = open.length > 0 ? open : this._latest;
    return moved;
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
    const isDecision = body.kind === "result" || body.kind === "fusion";
    const links = isDecision
      ? this._reads(body.sources ?? [], speaker, "decide")
      : this._reads(message.reply_to, speaker, "read");
    links.push(...this._asked(body, speaker), ...this._judged(body, speaker));
    for (const link of links) {
      link.count += 1;
      link.last = message.sequence;
    }
    if (isDecision) {
      this.decision = { answer: body.answer, how: body.decision ?? body.strategy, approved: body.approved ?? null };
    }
    this.latest = message;
    this._latest = links;
    return links;
  }

  /**
   * Return the links from those who said some messages.
   * @param {readonly string[]} ids
   * @param {string} reader
   * @param {Kind} kind
   */
  _reads(ids, reader, kind) {
    /** @type {Set<string>} */
    const sources = new Set();
    for (const id of ids) {
      const source = this._known.get(id);
      if (source !== undefined && !QUESTIONS.includes(source.body.kind)) sources.add(actorOf(source.sender));
    }
    sources.delete(reader);
    return [...sources].map((source) => this._link(source, reader, kind));
  }

  /**
   * Return the links between those who work together and whoever leads them.
   * @param {Message["body"]} body
   * @param {string} speaker
   */
  _asked(body, speaker) {
    if (body.kind === "fusion") {
      const members = /** @type {string[]} */ (body.members);
      return members.map((name) => this._link(this.actor(name).name, speaker, "decide"));
    }
    return body.kind === "assignment" ? [this._link(speaker, this.actor(body.agent).name, "assign")] : [];
  }

  /**
   * Count a judgement, and return its link.
   * @param {Message["body"]} body
   * @param {string} speaker
   */
  _judged(body, speaker) {
    const judged = this._known.get(body.choice ?? body.target)?.sender;
    if (judged === undefined) return [];
    const candidate = this.actor(actorOf(judged));
    const kind = /** @type {Kind} */ (body.kind === "verdict" ? body.verdict : body.kind);
    if (kind === "vote") candidate.votes += 1;
    else if (kind === "approve") candidate.approvals += 1;
    else if (kind === "disapprove") candidate.disapprovals += 1;
    return [this._link(speaker, candidate.name, kind)];
  }

  /**
   * @param {string} from
   * @param {string} to
   * @param {Kind} kind
   */
  _link(from, to, kind) {
    const id = JSON.stringify([from, to, kind]);
    let link = this.links.get(id);
    if (link === undefined) this.links.set(id, (link = { id, from, to, kind, count: 0, last: 0 }));
    return link;
  }
}

/**
 * Return the actor that a sender is in a graph.
 * @param {string} sender
 */
export function actorOf(sender) {
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
  const fresh = new Set(relations.fresh);
  const links = [...relations.links.values()].filter((link) => link.count > 0 || fresh.has(link));
  if (chosen !== CENTRE) return links.filter((link) => link.from === chosen || link.to === chosen);
  if (links.length <= most) return links;
  const showsFresh = relations.fresh.length <= most;
  const rank = (/** @type {Link} */ link) => (showsFresh && fresh.has(link) ? Infinity : link.count);
  return links.sort((a, b) => (rank(a) === rank(b) ? b.last - a.last : rank(b) - rank(a))).slice(0, most);
}
