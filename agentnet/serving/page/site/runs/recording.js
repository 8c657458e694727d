/**
 * A run laid out in time, so that it can be played again. At speed 1 it takes as long as it took, with two differences:
 * a turn lasts at least as long as one needs to read it, and waits in which no model worked are short.
 */

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("../run/state.js").Message} Message */
/** @typedef {import("../run/state.js").RunEvent} RunEvent */
/** @typedef {import("../run/state.js").RunState} RunState */
/** @typedef {import("../run/state.js").Shown} Shown */
/**
 * @typedef {object} Turn
 * @property {Message} message
 * @property {Shown | null} shown
 * @property {number} start seconds from the beginning of the replay
 * @property {number} end when its message lands
 */
/** @typedef {{at: number, event: RunEvent}} Moment */

const READ_PER_SECOND = 45;
const SHORTEST_TURN = 0.8;
const LONGEST_READING = 8;
const SHORTEST_WAIT = 0.5;
const LONGEST_WAIT = 1.5;
const MOST_PIECES = 120;
/** Of a turn that took no time that was measured. */
const QUICKEST = 0.005;
/** Between two messages, so that they land one after the other. */
const CLOSEST = 0.001;

export class Recording {
  /** @param {RunState} run read to its end */
  constructor(run) {
    this.run = run.id;
    this.members = run.members.value;
    /** In the order of their messages. */
    this.turns = laidOut(run.entries.value);
    /** Seconds from the first message to the end. */
    this.length = Math.max(0, ...this.turns.map((turn) => turn.end));
    /** All that happens, in its order. */
    this.moments = moments(run, this.turns, this.length);
  }

  /**
   * Return the number of messages that have landed at a time.
   * @param {number} position
   */
  landed(position) {
    return this.turns.filter((turn) => turn.end <= position).length;
  }
}

/**
 * @param {readonly Entry[]} entries
 * @returns {Turn[]}
 */
function laidOut(entries) {
  const turns = asItWas(entries);
  const times = [...new Set(turns.flatMap((turn) => [turn.start, turn.end]))].sort((one, other) => one - other);
  const place = new Map(times.map((time, index) => [time, index]));
  const stretch = times.map(() => 0);
  for (const turn of turns) {
    const factor = Math.max(1, reading(turn.message) / (turn.end - turn.start));
    for (let index = place.get(turn.start) ?? 0; index < (place.get(turn.end) ?? 0); index += 1) {
      stretch[index] = Math.max(stretch[index] ?? 0, factor);
    }
  }
  /** @type {Map<number, number>} */
  const moved = new Map();
  let now = 0;
  times.forEach((time, index) => {
    moved.set(time, now);
    const real = (times[index + 1] ?? time) - time;
    const factor = stretch[index] ?? 0;
    now += factor > 0 ? real * factor : Math.min(LONGEST_WAIT, Math.max(SHORTEST_WAIT, real));
  });
  return turns.map((turn) => ({ ...turn, start: moved.get(turn.start) ?? 0, end: moved.get(turn.end) ?? 0 }));
}

/**
 * The turns with the times at which they were taken. A model began when its message landed, less the time that it
 * worked, and not before the messages that it read were there.
 * @param {readonly Entry[]} entries
 * @returns {Turn[]}
 */
function asItWas(entries) {
  /** @type {Map<string, number>} */
  const landed = new Map();
  /** @type {Turn[]} */
  const turns = [];
  let last = -Infinity;
  for (const entry of entries) {
    const message = entry.message.value;
    if (message === null) continue;
    const end = Math.max(last + CLOSEST, Date.parse(message.time) / 1000);
    const read = Math.max(...message.reply_to.map((id) => landed.get(id) ?? -Infinity), turns[0]?.end ?? end);
    const worked = message.usage.calls > 0 ? Math.max(message.usage.seconds, QUICKEST) : message.usage.seconds;
    const start = Math.min(end, Math.max(end - worked, read));
    turns.push({ message, shown: entry.shown.value, start, end });
    landed.set(message.id, end);
    last = end;
  }
  return turns;
}

/**
 * Seconds that one needs to read a message.
 * @param {Message} message
 */
function reading(message) {
  return Math.min(LONGEST_READING, Math.max(SHORTEST_TURN, written(message).length / READ_PER_SECOND));
}

/** What was written, as it appeared. @param {Message} message @returns {string} */
function written({ body }) {
  return body.text || body.reason || "";
}

/**
 * @param {RunState} run
 * @param {readonly Turn[]} turns
 * @param {number} length
 * @returns {Moment[]}
 */
function moments(run, turns, length) {
  /** @type {Moment[]} */
  const found = [
    { at: 0, event: { kind: "run-started", run: run.id, protocol: run.protocol.value, members: run.members.value } },
  ];
  for (const { message, shown, start, end } of turns) {
    if (end > start) found.push(...typed(run.id, message, start, end));
    found.push({ at: end, event: { kind: "message", run: run.id, message, shown } });
  }
  if (run.ended.value !== null) found.push({ at: length, event: run.ended.value });
  return found.sort((one, other) => one.at - other.at);
}

/**
 * A turn as it is written: its text word by word, in proportion to its time.
 * @param {string} run
 * @param {Message} message
 * @param {number} start
 * @param {number} end
 * @returns {Moment[]}
 */
function typed(run, message, start, end) {
  const { id, sender, node, round, reply_to } = message;
  const text = written(message);
  const words = text.match(/\S*\s*/g) ?? [];
  const together = Math.ceil(words.length / MOST_PIECES);
  /** @type {Moment[]} */
  const found = [
    { at: start, event: { kind: "turn-started", run, message: id, agent: sender, node, round, role: "", reply_to } },
  ];
  let before = 0;
  for (let index = 0; index < words.length; index += together) {
    const piece = words.slice(index, index + together).join("");
    if (piece === "") continue;
    const at = start + (end - start) * (before / text.length);
    found.push({ at, event: { kind: "text", run, message: id, agent: sender, text: piece } });
    before += piece.length;
  }
  return found;
}
