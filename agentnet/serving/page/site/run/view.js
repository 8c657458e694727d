/** A run as it is read: the question, the answer, what it took, and what was said. */

import { html, signal, useState } from "../ui/preact.js";
import { RunGraph } from "../graph/run.js";
import { Failure } from "../ui/elements.js";
import { post } from "../api.js";
import { link } from "../routing.js";
import { Answer } from "./answer.js";
import { Cost } from "./cost.js";
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
 * @param {string} [properties.marked] id of the message that is marked and scrolled to
 * @param {string} [properties.title] the question, where it is not the run's whole task
 * @param {Actions} [properties.actions] what can be done with each message
 * @param {any} [properties.beside] what stands beside it
 * @param {any} [properties.children] what else can be done with the run
 */
export function RunView({ state, following, marked = "", title, actions, beside, children }) {
  const columns = chosen.value === null ? isWide(state) && matchMedia("(min-width: 900px)").matches : chosen.value === "columns";
  return html`<article class="run">
    <div class="run-main">
      <${Head} state=${state} title=${title} />
      ${following && html`<${Connection} following=${following} />`}
      <${Answer} state=${state}>
        <div class="run-foot"><${Cost} state=${state} />${following && html`<${Controls} state=${state} following=${following}>${children}<//>`}</div>
      <//>
      <div class="run-bar">
        <h2>What was said</h2>
        <div class="switch" role="group" aria-label="Layout">
          ${["thread", "columns"].map((layout) => html`<button key=${layout} type="button" aria-pressed=${columns === (layout === "columns")} onClick=${() => choose(layout)}>${layout === "thread" ? "Thread" : "Columns"}</button>`)}
        </div>
      </div>
      <${Transcript} state=${state} columns=${columns} marked=${marked} actions=${actions} />
      ${following && html`<${PersonTurn} state=${state} />`}
    </div>
    <aside class="run-beside" aria-label="Who read whom"><${RunGraph} state=${state} />${beside}</aside>
  </article>`;
}

/** @param {string} layout */
function choose(layout) {
  chosen.value = layout;
  localStorage.setItem(KEY, layout);
}

/** @param {{state: RunState, title: string | undefined}} properties */
function Head({ state, title }) {
  const task = state.entries.value.find((entry) => entry.message.value?.body.kind === "task");
  const text = title ?? task?.message.value?.body.text ?? "";
  return html`<header class="run-head">
    <h1 class=${text.length > 140 ? "long" : ""}>${text}</h1>
    <p class="soft"><a href=${link(["runs", state.id])}>${state.id}</a>${state.protocol.value !== "" && ` · ${state.protocol.value}`}${task?.message.value?.body.label && ` · ${task.message.value.body.label}`}</p>
  </header>`;
}

/** @param {{following: Following}} properties */
function Connection({ following }) {
  if (following.problem.value !== "") return html`<${Failure} message=${following.problem.value} retry=${following.again} />`;
  if (following.connection.value !== "lost") return null;
  return html`<p class="lost" role="status">The connection is lost. What was said stays here; trying again…
    <button type="button" onClick=${following.again}>Try now</button></p>`;
}

/**
 * Cancels a run, or continues it.
 * @param {{state: RunState, following: Following, children?: any}} properties
 */
function Controls({ state, following, children }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const status = state.status.value;
  /** @param {string} what @param {object} [body] */
  async function ask(what, body) {
    setBusy(true);
    setProblem("");
    try {
      await post(`/api/runs/${encodeURIComponent(state.id)}/${what}`, body);
      if (what === "resume") following.again();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
    setBusy(false);
  }
  const isCut = status === "stopped" || status === "cancelled" || status === "interrupted";
  return html`<div class="controls">
    ${status === "running" && html`<button type="button" disabled=${busy} onClick=${() => ask("cancel")}>Cancel</button>`}
    ${isCut && html`<button type="button" disabled=${busy} onClick=${() => ask("resume", status === "stopped" ? { limits: {} } : {})}>${status === "stopped" ? "Continue without the limit" : "Continue"}</button>`}
    ${children}
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  </div>`;
}
