/**
 * What is known of a run. Everything comes from its events through `RunState.apply`: live, after a reload, replayed and
 * compared runs look the same because they are made the same way.
 */

import { batch, computed, signal } from "../ui/preact.js";

/** @typedef {import("../ui/elements.js").Part} Part */
/**
 * @typedef {object} Usage
 * @property {number} calls
 * @property {number} prompt_tokens
 * @property {number} completion_tokens
 * @property {number} reused_tokens
 * @property {number} seconds
 * @property {number} cost
 */
/**
 * @typedef {object} Message `Message` of the API
 * @property {string} id
 * @property {number} sequence
 * @property {string} sender
 * @property {string[]} recipients
 * @property {string[]} reply_to ids of the messages that the sender read
 * @property {string} node path of the protocol expression
 * @property {number} round
 * @property {string} time
 * @property {Usage} usage
 * @property {number | null} confidence
 * @property {string | null} instead_of
 * @property {string | null} served_by
 * @property {"stop" | "length" | null} finish
 * @property {{kind: string, [field: string]: any}} body
 */
/**
 * @typedef {object} Shown a message for people: `brief` is the answer in short, `full` the whole reply with its reasons
 * @property {string} kind with the round from the second one on: `proposal 2`
 * @property {Part[]} brief
 * @property {Part[]} full
 * @property {string[]} refs ids of messages that it decides about, or rests on
 * @property {number} depth expressions around the one that it was said in
 */
/** @typedef {{agent: string, role: string, message: string, text: string, choices: string[]}} Question */
/** @typedef {{kind: string, run: string, [field: string]: any}} RunEvent */
/** @typedef {"running" | "done" | "failed" | "stopped" | "cancelled" | "interrupted"} Status */

/** A turn: it is open while an agent writes, and then has its message. */
export class Entry {
  /**
   * @param {string} id of the message
   * @param {string} agent
   * @param {string} role empty where it is not known
   * @param {string} node
   * @param {number} round
   * @param {string[]} reads ids of the messages that the agent read
   */
  constructor(id, agent, role, node, round, reads) {
    this.id = id;
    this.agent = agent;
    this.role = role;
    this.node = node;
    this.round = round;
    this.reads = reads;
    /** What was written so far, while the turn is open. */
    this.text = signal("");
    /** @type {import("../ui/preact.js").Signal<Message | null>} */
    this.message = signal(null);
    /** @type {import("../ui/preact.js").Signal<Shown | null>} */
    this.shown = signal(null);
  }
}

/** @type {Usage} */
const NOTHING = { calls: 0, prompt_tokens: 0, completion_tokens: 0, reused_tokens: 0, seconds: 0, cost: 0 };

export class RunState {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.protocol = signal("");
    /** Names of the network's members, in its order. @type {import("../ui/preact.js").Signal<string[]>} */
    this.members = signal(/** @type {string[]} */ ([]));
    /** The turns: those that have their message, in the order of recording, then those that are open. */
    this.entries = signal(/** @type {Entry[]} */ ([]));
    /** @type {import("../ui/preact.js").Signal<Status>} */
    this.status = signal("running");
    /** The event that ended the run. */
    this.ended = signal(/** @type {RunEvent | null} */ (null));
    /** The name of the member that the reader looks at, in its graph and in what was said; empty: all. */
    this.chosen = signal("");
    /** The question for a person that the run waits for. */
    this.question = signal(/** @type {Question | null} */ (null));
    /** What the messages so far have used. */
    this.usage = computed(() =>
      this.entries.value.reduce((sum, entry) => added(sum, entry.message.value?.usage), NOTHING),
    );
    /** @type {Map<string, Entry>} */
    this._known = new Map();
    this._highest = -1;
  }

  /** The sequence of the last message, for those that follow the run from there. */
  get last() {
    return this._highest;
  }

  /**
   * Return the turn of a message.
   * @param {string} id
   */
  entry(id) {
    return this._known.get(id);
  }

  /**
   * Take in events, in their order. Those that are known already change nothing.
   * @param {readonly RunEvent[]} events
   */
  apply(events) {
    batch(() => {
      let moved = false;
      for (const event of events) moved = this._take(event) || moved;
      if (moved) this.entries.value = [...this._known.values()].sort(inOrder);
    });
  }

  /**
   * @param {RunEvent} event
   * @returns {boolean} whether turns came or moved
   */
  _take(event) {
    switch (event.kind) {
      case "run-started":
        this.protocol.value = event.protocol;
        this.members.value = event.members;
        this.status.value = "running";
        this.ended.value = null;
        return false;
      case "turn-started": {
        const { message, agent, role, node, round, reply_to } = event;
        const known = this._known.get(message);
        if (known?.message.value) return false;
        if (known !== undefined) {
          known.text.value = "";
          return false;
        }
        this._known.set(message, new Entry(message, agent, role, node, round, reply_to));
        return true;
      }
      case "text": {
        const entry = this._known.get(event.message);
        if (entry !== undefined && entry.message.value === null) entry.text.value += event.text;
        return false;
      }
      case "message":
        return this._said(event.message, event.shown ?? null);
      case "input-requested":
        if (!this._known.get(event.question.message)?.message.value) this.question.value = event.question;
        return false;
      case "run-ended":
        this.status.value = event.status;
        this.ended.value = event;
        this.question.value = null;
        return event.status !== "interrupted" && this._withoutOpen();
      default:
        return false;
    }
  }

  /**
   * Drop the turns without a message: they are not recorded, and a reader who comes later does not see them. Those of
   * an interrupted run stay, since it is continued.
   * @returns {boolean} whether there were any
   */
  _withoutOpen() {
    const open = [...this._known.values()].filter((entry) => entry.message.value === null);
    for (const entry of open) this._known.delete(entry.id);
    return open.length > 0;
  }

  /**
   * @param {Message} message
   * @param {Shown | null} shown
   */
  _said(message, shown) {
    let entry = this._known.get(message.id);
    if (entry?.message.value) return false;
    if (entry === undefined) {
      entry = new Entry(message.id, message.sender, "", message.node, message.round, message.reply_to);
      this._known.set(message.id, entry);
    }
    entry.agent = message.sender;
    entry.reads = message.reply_to;
    entry.message.value = message;
    entry.shown.value = shown;
    this._highest = Math.max(this._highest, message.sequence);
    if (this.question.value?.message === message.id) this.question.value = null;
    return true;
  }
}

/**
 * @param {Entry} one
 * @param {Entry} other
 */
function inOrder(one, other) {
  return (one.message.value?.sequence ?? Infinity) - (other.message.value?.sequence ?? Infinity) || 0;
}

/**
 * @param {Usage} sum
 * @param {Usage | undefined} usage
 * @returns {Usage}
 */
function added(sum, usage) {
  if (usage === undefined) return sum;
  return {
    calls: sum.calls + usage.calls,
    prompt_tokens: sum.prompt_tokens + usage.prompt_tokens,
    completion_tokens: sum.completion_tokens + usage.completion_tokens,
    reused_tokens: sum.reused_tokens + usage.reused_tokens,
    seconds: sum.seconds + usage.seconds,
    cost: sum.cost + usage.cost,
  };
}
