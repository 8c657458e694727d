/**
 * What the gateway says of evaluations.
 *
 * @typedef {{name: string, done: number, total: number, failed: number, active: boolean}} Phase
 * @typedef {{phases: Phase[], seconds_left: number | null}} Progress
 * @typedef {object} Evaluation
 * @property {string} id
 * @property {string} name
 * @property {"active" | "unfinished" | "done"} status
 * @property {string} detail why it is unfinished
 * @property {string} created
 * @property {string} updated
 * @property {string} network
 * @property {number} trials
 * @property {Progress | null} progress
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} summary
 * @property {string} description
 * @property {string} network
 * @property {{name: string, items: number | null}[]} datasets
 * @property {number} selection
 * @property {number} systems
 * @property {boolean} learns
 * @property {boolean} lives
 * @property {boolean} attacked
 *
 * @typedef {{estimate: number, low: number, high: number}} Bounded
 * @typedef {{accuracy: Bounded, p: number, verdict: "better" | "worse" | "open"}} Gain
 * @typedef {"member" | "best" | "samples" | "corrections" | "system"} Kind
 * @typedef {object} Row
 * @property {string} system
 * @property {Kind} kind
 * @property {Bounded} accuracy
 * @property {Gain | null} over_best
 * @property {number} items
 * @property {number} failures
 * @property {number} calls
 * @property {number} tokens
 * @property {number} seconds
 * @property {number} cost
 * @property {boolean} frontier
 *
 * @typedef {{name: string, title: string, note: string}} Chart
 * @typedef {{name: string, items: number, chosen: string[], rows: Row[], charts: Chart[]}} Results
 * @typedef {{system: string, dataset: string, label: string, used: string, items: number, accuracy: number,
 *   tokens: number, recognised: number}} Decision
 * @typedef {object} Summary
 * @property {Evaluation} evaluation
 * @property {string} about
 * @property {string[]} members
 * @property {string[]} headline
 * @property {Results[]} datasets
 * @property {Chart[]} charts
 * @property {Decision[]} decisions
 */

export {};
