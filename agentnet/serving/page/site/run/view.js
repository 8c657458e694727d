/** A run as it is read: the question, the answer, what it took, and what was said. */

import { html, signal } from "../ui/preact.js";
import { RunGraph } from "../graph/run.js";
import { Failure } from "../ui/elements.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { link } from "../routing.js";
import { Answer } from "./answer.js";
import { Controls } from "./controls.js";
import { Cost } from "./cost.js";
import { Glance } from "./glance.js";
import { Outcome } from "./outcome.js";
import { PersonTurn } from "./person.js";
import { Transcript, isWide } from "./transcript.js";

/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./following.js").Following} Following */
/** @typedef {import("./turn.js").Actions} Actions */

const KEY = "agentnet.layout";
/** Thread or columns, as the reader chose last; null: as suits the run and the screen. */
const chosen = signal(/** @type {string | null} */ (localStorage.getItem(KEY)));

/**
 * @param {object} properties
 * @param {RunState} properties.state
 * @param {Following} [properties.following] how it is followed: what is lost is said, and a run that goes on can be
 *   cancelled; undefined for a run that is played again
 * @param {{outcome: boolean | null} | null} [properties.record] of the run, where it is read anyway; null: not yet
 * @param {string} [properties.marked] id of the message that is marked and scrolled to
 * @param {string} [properties.title] the question, where it is not the run's whole task
 * @param {Actions} [properties.actions] what can be done with each message
 * @param {any} [properties.children] what else can be done with the run
 */
export function RunView({ state, following, record, marked = "", title, actions, children }) {
  const outcome = following && html`<${Outcome} key=${state.id} run=${state.id} record=${record} />`;
  const suits = () => isWide(state) && matchMedia("(min-width: 900px)").matches;
  const columns = chosen.value === null ? suits() : chosen.value === "columns";
  const task = state.entries.value.find((entry) => entry.message.value?.body.kind === "task")?.message.value?.body;
  const question = title ?? task?.text ?? "";
  useShortcuts("Run", [{ key: "t", what: "Thread or columns", run: () => choose(columns ? "thread" : "columns") }]);
  if (following && following.problem.value !== "" && task === undefined) {
    return html`<${Connection} following=${following} />`;
  }
  return html`<article class="run">
    <div class="run-main">
      <${Head} state=${state} question=${question} label=${task?.label ?? null} />
      ${following && html`<${Connection} following=${following} />`}
      <${Glance} state=${state}>
        <${Answer} state=${state} corner=${outcome}>
          <div class="run-foot">
            <${Cost} state=${state} />
            ${following
              ? html`<${Controls} state=${state} following=${following} question=${question}>${children}<//>`
              : children}
          </div>
        <//>
      <//>
      <div class="run-bar">
        <h2>What was said</h2>
        <div class="switch" role="group" aria-label="Layout">
          ${["Thread", "Columns"].map((name) => {
            const layout = name.toLowerCase();
            return html`<button key=${layout} type="button" aria-pressed=${columns === (layout === "columns")}
              onClick=${() => choose(layout)}>${name}</button>`;
          })}
        </div>
      </div>
      <${Transcript} state=${state} columns=${columns} marked=${marked} actions=${actions} />
      ${following && html`<${PersonTurn} state=${state} />`}
    </div>
    <aside class="run-beside" aria-label="Who read whom"><${RunGraph} state=${state} /></aside>
  </article>`;
}

/** @param {string} layout */
function choose(layout) {
  chosen.value = layout;
  localStorage.setItem(KEY, layout);
}

/** @param {{state: RunState, question: string, label: string | null}} properties */
function Head({ state, question, label }) {
  const protocol = state.protocol.value === "inline" ? "a protocol of its own" : state.protocol.value;
  return html`<header class="run-head">
    ${question !== "" && html`<h1 class=${question.length > 140 ? "long" : ""}>${question}</h1>`}
    <p class="soft">
      <a href=${link(["runs", state.id])}>${state.id}</a>
      ${protocol !== "" && ` · ${protocol}`}${label !== null && ` · ${label}`}
    </p>
  </header>`;
}

/** @param {{following: Following}} properties */
function Connection({ following }) {
  const problem = following.problem.value;
  if (problem !== "") return html`<${Failure} message=${problem} retry=${following.again} />`;
  if (following.connection.value !== "lost") return null;
  return html`<p class="lost" role="status">The connection is lost. What was said stays here; trying again…
    <button type="button" onClick=${following.again}>Try now</button></p>`;
}
