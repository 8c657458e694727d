/** A conversation: runs one after the other, each with the turns before it in its task. */

import { html, useEffect, useState } from "../ui/preact.js";
import { Failure, Waiting } from "../ui/elements.js";
import { get } from "../api.js";
import { go, link } from "../routing.js";
import { useRun } from "../run/following.js";
import { RunView } from "../run/view.js";
import { Form } from "./form.js";

/** @typedef {import("./form.js").Utterance} Utterance */
/** @typedef {{id: string, task: string, answer: string | null, status: string}} Run */

/** @param {{runs: string[]}} properties ids, the first question's first; all but the last stay the same */
export function Conversation({ runs }) {
  const past = runs.slice(0, -1);
  const [found, setFound] = useState(/** @type {Run[] | null} */ (past.length === 0 ? [] : null));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const read = past.map((id) => get(`/api/runs/${encodeURIComponent(id)}`));
    Promise.all(read).then(setFound, (error) => setProblem(error.message));
  }, []);
  if (problem !== "") return html`<${Failure} message=${problem} />`;
  if (found === null) return html`<${Waiting} />`;
  const before = turnsOf(found);
  return html`<div>
    ${found.map((run, index) => html`<section key=${run.id} class="earlier">
      <p class="earlier-question">${before[2 * index]?.content}</p>
      <p><b>${run.answer ?? run.status}</b> <a href=${link(["runs", run.id])}>how it was reached</a></p>
    </section>`)}
    <${Latest} key=${runs.at(-1)} id=${runs.at(-1)} runs=${runs} before=${before} />
  </div>`;
}

/** @param {{id: string, runs: string[], before: Utterance[]}} properties */
function Latest({ id, runs, before }) {
  const { state, following } = useRun(id);
  const task = state.entries.value.find((entry) => entry.message.value?.body.kind === "task")?.message.value?.body.text;
  const question = task === undefined ? undefined : lastOf(task, before);
  const answer = state.ended.value?.answer;
  const protocol = state.protocol.value;
  const turns = question === undefined || !answer ? null : [
    ...before,
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ];
  return html`<${RunView} state=${state} following=${following} title=${question} />
    ${turns !== null && html`<section class="go-on">
      <${Form} before=${turns} usual=${protocol === "inline" ? undefined : protocol}
        onAsked=${(/** @type {string} */ run) => go(link(["ask", ...runs, run]))} />
    </section>`}`;
}

/**
 * Return the turns of runs that went before: each question without those before it, and its answer.
 * @param {readonly Run[]} runs
 */
function turnsOf(runs) {
  /** @type {Utterance[]} */
  const turns = [];
  for (const run of runs) {
    turns.push({ role: "user", content: lastOf(run.task, turns) }, { role: "assistant", content: run.answer ?? "" });
  }
  return turns;
}

/**
 * Return the last question of a run's task, which begins with the turns before it.
 * @param {string} task
 * @param {readonly Utterance[]} before
 */
function lastOf(task, before) {
  const told = before
    .filter((turn) => turn.content.trim() !== "")
    .map((turn) => `${turn.role === "user" ? "User" : "Assistant"}: ${turn.content}\n\n`);
  const beginning = `${told.join("")}User: `;
  return told.length > 0 && task.startsWith(beginning) ? task.slice(beginning.length) : task;
}
