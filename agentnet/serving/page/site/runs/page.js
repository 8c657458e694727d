/** A run: what was asked and said, where it comes from, and what can be done with it. */

import { html, useState } from "../ui/preact.js";
import { Ago, Failure, Waiting } from "../ui/elements.js";
import { Refused, post } from "../api.js";
import { go, link } from "../routing.js";
import { Entries } from "./entries.js";
import { useRun } from "./following.js";
import { Forking } from "./forking.js";
import { saveRun } from "./saving.js";
import { STATUSES, SURFACES, shortened } from "./words.js";

/** @typedef {import("./following.js").Run} Run */

/** @param {{id: string, message?: string, query: URLSearchParams}} properties with `fork`, the dialog for it is open */
export function RunPage({ id, message, query }) {
  const { state, record, problem, following, again } = useRun(id);
  const fork = query.get("fork");
  if (problem !== "") {
    return html`<${Failure} message=${problem} retry=${again} /><p><a href=${link(["runs"])}>All runs</a></p>`;
  }
  if (record === null) return html`<${Waiting} what="Reading the run" />`;
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>Runs</a> › ${id}</p>
    <h1 class="question">${shortened(record.task, 300)}</h1>
    <${Facts} record=${record} status=${state.status.value} />
    <${Actions} record=${record} state=${state} again=${again} />
    ${following?.problem.value && html`<${Failure} message=${following.problem.value} />`}
    <${Entries} state=${state} />
    ${fork !== null && html`<${Forking} state=${state} message=${fork} close=${() => go(link(["runs", id]), { replace: true })} />`}
  `;
}

/** @param {{record: Run, status: import("../run/state.js").Status}} properties */
function Facts({ record, status }) {
  const { mark, word, kind } = STATUSES[status];
  const origin = record.forked_from ?? null;
  return html`<ul class="facts">
    <li><span class=${`status ${kind}`} aria-hidden="true">${mark}</span> ${word}</li>
    <li><a href=${link(["runs"], { protocol: record.protocol })}>${record.protocol}</a></li>
    ${record.label && html`<li>${record.label}</li>`}
    <li><${Ago} time=${record.created} /></li>
    <li>${record.surface === null ? "command line or program" : SURFACES[record.surface]}</li>
    ${record.caller && html`<li><a href=${link(["runs"], { caller: record.caller })}>key ${record.caller}</a></li>`}
    <li>seed ${record.seed}</li>
    ${origin && html`<li class="lineage">goes on from <a href=${link(["runs", origin.run, "messages", origin.message])}>a message of ${origin.run}</a></li>`}
  </ul>`;
}

/** @param {{record: Run, state: import("../run/state.js").RunState, again: () => void}} properties */
function Actions({ record, state, again }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const status = state.status.value;
  const { id } = record;
  const last = state.entries.value.findLast((entry) => entry.message.value !== null);

  /** @param {() => Promise<unknown>} work */
  const carryOut = async (work) => {
    setBusy(true);
    setProblem("");
    try {
      await work();
    } catch (error) {
      setProblem(error instanceof Refused ? error.message : String(error));
    }
    setBusy(false);
  };
  const path = `/api/runs/${encodeURIComponent(id)}`;
  const cut = status === "stopped" || status === "cancelled" || status === "interrupted";
  return html`
    <div class="actions" role="group" aria-label="With this run">
      ${status === "running" && html`<button type="button" disabled=${busy} onClick=${() => carryOut(() => post(`${path}/cancel`))}>Cancel</button>`}
      ${cut && html`<button type="button" class="primary" disabled=${busy} onClick=${() => carryOut(() => post(`${path}/resume`).then(again))}>Resume</button>`}
      ${status !== "running" && html`<a class="button" href=${link(["runs", id, "replay"])}>Replay</a>`}
      <a class="button" href=${link(["runs"], { with: id, text: shortened(record.task, 200) })}>Compare…</a>
      ${last && html`<a class="button" href=${link(["runs", id], { fork: last.id })}>Fork…</a>`}
      <button type="button" disabled=${busy} onClick=${() => carryOut(() => saveRun(id))}>Save as file</button>
    </div>
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  `;
}
