/** How far an evaluation is: its phases, and how long they still take. */

import { count } from "../ui/elements.js";
import { html } from "../ui/preact.js";
import { about } from "./numbers.js";

/** @type {Record<string, string>} */
const MEANING = {
  selection: "every member alone, on the items that choose the best one in advance",
  grading: "members grade each other's answers",
  candidates: "systems that may be learned",
  systems: "the systems and the members, on the test items",
  attacks: "the systems with liars among their members",
  "equal budget": "the best single model again, at the tokens of the systems",
};

/** @type {Record<import("./types.js").Evaluation["status"], string>} */
const STATES = { active: "being made", unfinished: "unfinished", done: "done" };

/** @param {{status: import("./types.js").Evaluation["status"]}} properties */
export function State({ status }) {
  return html`<span class=${`ev-state ev-${status}`}>${STATES[status]}</span>`;
}

/** @param {{progress: import("./types.js").Progress}} properties */
export function Phases({ progress }) {
  const failed = progress.phases.reduce((sum, phase) => sum + phase.failed, 0);
  return html`<section class="ev-phases" aria-label="Progress">
    ${progress.phases.map(
      (phase) => html`<div key=${phase.name} class=${`ev-phase${phase.active ? " ev-active" : ""}`}>
        <span class="ev-phase-name">${phase.name}</span>
        <progress max=${Math.max(1, phase.total)} value=${phase.done} aria-label=${phase.name}></progress>
        <span class="ev-of">${count(phase.done)} of ${count(phase.total)}</span>
        <span class="ev-meaning">${MEANING[phase.name] ?? ""}</span>
      </div>`,
    )}
    <p class="soft ev-left" role="status">
      ${
        progress.seconds_left === null
          ? "How long it takes is known soon."
          : `The planned trials take ${about(progress.seconds_left)} more.`
      }
      ${failed > 0 &&
        html` <span class="bad">${count(failed)} trials have no score: a model could not be asked.</span>`}
    </p>
  </section>`;
}

/**
 * The share that is done, for lists.
 * @param {import("./types.js").Progress} progress
 */
export function shareDone(progress) {
  const total = progress.phases.reduce((sum, phase) => sum + phase.total, 0);
  return total === 0 ? 0 : progress.phases.reduce((sum, phase) => sum + phase.done, 0) / total;
}
