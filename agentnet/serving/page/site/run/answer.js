/** A run's answer and how it was decided; while it goes on, who writes and where the members stand. */

import { html } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { resultOf, same, standing } from "./answers.js";
import { Folded } from "./bodies.js";

/** @typedef {import("./state.js").RunState} RunState */

const ENDS = /** @type {Record<string, string>} */ ({
  failed: "No answer",
  stopped: "Stopped at a limit",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
});
const LONG = 60;

/**
 * @param {{state: RunState, corner?: any, children?: any}} properties `corner` stands beside an answer; `children`: what
 *   can be done with the run
 */
export function Answer({ state, corner, children }) {
  const ended = state.ended.value;
  const status = state.status.value;
  const answer = ended?.answer ?? null;
  return html`<section class=${`run-answer ${status}`} aria-label="Answer">
    ${ended === null && html`<${Now} state=${state} />`}
    ${answer !== null && corner}
    <div aria-live="polite">
      ${ended === null ? null : answer === null ? html`<p class="answer-end">${ENDS[status] ?? status}</p>` : html`
        <div class=${answer.length > LONG ? "answer-text long" : "answer-text"}>
          <${Folded} length=${answer.length}>${answer}<//>
        </div>`}
      ${ended !== null && html`<${How} state=${state} />`}
    </div>
    <${Standing} state=${state} />
    ${children}
  </section>`;
}

/**
 * Who writes now.
 * @param {{state: RunState}} properties
 */
export function Now({ state }) {
  const question = state.question.value;
  const members = state.members.value;
  const open = state.entries.value.filter((entry) => entry.message.value === null).map((entry) => entry.agent);
  const names = [...new Set(open)];
  if (question !== null) return html`<p class="now">Waiting for <${Agent} name=${question.agent} members=${members} />
    <button type="button" onClick=${toPerson}>Answer below</button></p>`;
  const pulse = html`<span class="pulse" aria-hidden="true"></span>`;
  if (names.length === 0) {
    return html`<p class="now">${pulse}${state.protocol.value === "" ? "Beginning…" : "Working…"}</p>`;
  }
  const shown = names.map((name, index) => html`
    ${index > 0 && (index === names.length - 1 ? " and " : ", ")}
    <${Agent} key=${name} name=${name} members=${members} />
  `);
  return html`<p class="now">${pulse}<span>${shown} ${names.length === 1 ? "is" : "are"} at work</span></p>`;
}

function toPerson() {
  const form = document.getElementById("your-turn");
  form?.scrollIntoView({ block: "center", behavior: "smooth" });
  form?.querySelector("textarea")?.focus({ preventScroll: true });
}

/**
 * Whether as much stood behind another answer as behind the one that was taken.
 * @param {{answer: string, support: Record<string, number>}} result the body of a result
 */
function isTied({ answer, support }) {
  const taken = Object.entries(support).find(([spelled]) => same(spelled, answer))?.[1];
  const weights = Object.values(support);
  return taken === Math.max(0, ...weights) && weights.filter((weight) => weight === taken).length > 1;
}

/**
 * How the answer was decided, or why there is none.
 * @param {{state: RunState}} properties
 */
function How({ state }) {
  const ended = state.ended.value;
  const answer = ended?.answer ?? null;
  const result = resultOf(state)?.message.value?.body;
  const decision = result?.answer === answer ? result?.decision : undefined;
  const isTie = decision !== undefined && isTied(/** @type {any} */ (result));
  const isAlone = decision === undefined && answer !== null;
  const said = state.entries.value.filter((entry) => entry.message.value?.body.answer === answer);
  const alone = isAlone ? said.at(-1) : undefined;
  return html`<p class="how">
    ${ended?.approved === true && html`<span class="badge good">✓</span>`}
    ${ended?.approved === false && html`<span class="badge bad">✗</span>`}
    ${decision}
    ${isTie && html` <span class="why">a tie: the first one listed counts</span>`}
    ${alone !== undefined && html`<${Author} entry=${alone} members=${state.members.value} />`}
    ${ended?.detail && ended.detail !== decision && html` <span class="why">${ended.detail}</span>`}
  </p>`;
}

/**
 * Whose answer it is, where nothing was decided.
 * @param {{entry: import("./state.js").Entry, members: string[]}} properties
 */
function Author({ entry, members }) {
  const body = entry.message.value?.body;
  /** @type {string[]} */
  const names = body?.kind === "fusion" ? body.members : [entry.agent];
  const shown = names.map((name, index) => html`
    ${index > 0 && ", "}
    <${Agent} key=${name} name=${name} members=${members} />
  `);
  return html`<span>${body?.kind === "fusion" ? "written together by" : "said by"} ${shown}</span>`;
}

/**
 * The answers, each with the members that stand by it.
 * @param {{state: RunState}} properties
 */
function Standing({ state }) {
  const answers = standing(state);
  if (answers.length === 0 || (answers.length === 1 && (answers[0]?.backers.length ?? 0) < 2)) return null;
  const most = Math.max(...answers.map((support) => support.weight));
  const chosen = state.ended.value?.answer ?? null;
  /** @param {string} answer */
  const classOf = (answer) => (chosen !== null && same(chosen, answer) ? "chosen" : "");
  return html`<ul class="standing" aria-label="Where the members stand">
    ${answers.map(({ answer, backers, weight }) => html`<li key=${answer} class=${classOf(answer)}>
      <span class="standing-answer">${answer}</span>
      <span class="bar" aria-hidden="true"><i style=${{ width: `${(100 * weight) / most}%` }}></i></span>
      <span class="standing-weight">${Number.isInteger(weight) ? weight : weight.toFixed(2)}</span>
      <span class="standing-who">
        ${backers.map((name) => html`<${Agent} key=${name} name=${name} members=${state.members.value} /> `)}
      </span>
    </li>`)}
  </ul>`;
}
