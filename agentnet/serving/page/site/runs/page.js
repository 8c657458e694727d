/** A run: what was asked and said, where it comes from, and what can be done with it. */

import { html, useState } from "../ui/preact.js";
import { Ago, Failure } from "../ui/elements.js";
import { go, link } from "../routing.js";
import { useRun } from "../run/following.js";
import { RunView } from "../run/view.js";
import { Forking } from "./forking.js";
import { useRecord } from "./record.js";
import { saveRun } from "./saving.js";
import { SURFACES, shortened } from "./words.js";

/** @typedef {import("./record.js").Run} Run */
/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("../run/state.js").RunState} RunState */

/** @param {{id: string, message?: string, query: URLSearchParams}} properties with `fork`, the dialog for it is open */
export function RunPage({ id, message, query }) {
  const { state, following } = useRun(id);
  const { record } = useRecord(id, state);
  const fork = query.get("fork");
  const close = () => go(link(["runs", id]), { replace: true });
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>‹ All runs</a></p>
    <${RunView} state=${state} following=${following} marked=${message}
      actions=${(/** @type {Entry} */ entry) => html`<a class="turn-link" href=${link(["runs", id], { fork: entry.id })}>fork</a>`}>
      ${record !== null && html`<${Actions} record=${record} state=${state} />`}
    <//>
    ${record !== null && html`<${Facts} record=${record} />`}
    ${fork !== null && html`<${Forking} state=${state} message=${fork} close=${close} />`}
  `;
}

/** @param {{record: Run, state: RunState}} properties */
function Actions({ record, state }) {
  const [problem, setProblem] = useState("");
  const { id } = record;
  const last = state.entries.value.findLast((/** @type {Entry} */ entry) => entry.message.value !== null);
  const save = async () => {
    setProblem("");
    await saveRun(id).catch((/** @type {Error} */ error) => setProblem(error.message));
  };
  return html`
    ${state.status.value !== "running" && html`<a class="button" href=${link(["runs", id, "replay"])}>Replay</a>`}
    <a class="button" href=${link(["runs"], { with: id, text: shortened(record.task, 200) })}>Compare…</a>
    ${last && html`<a class="button" href=${link(["runs", id], { fork: last.id })}>Fork…</a>`}
    <button type="button" onClick=${save}>Save</button>
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  `;
}

/** Where the run comes from. @param {{record: Run}} properties */
function Facts({ record }) {
  const origin = record.forked_from;
  const limits = Object.entries(record.limits).flatMap(([name, value]) =>
    value === null || name === "when_exhausted" ? [] : [`${value} ${name}`],
  );
  /** @type {[string, any][]} */
  const facts = [
    ["Asked", html`<${Ago} time=${record.created} />, ${record.surface === null ? "by a program of the server's machine" : `by ${SURFACES[record.surface]}`}`],
    ["Key", record.caller && html`<a href=${link(["runs"], { caller: record.caller })}>${record.caller}</a>`],
    ["Goes on from", origin && html`<a href=${link(["runs", origin.run, "messages", origin.message])}>message ${origin.copied + 1} of ${origin.run}</a>`],
    ["Network", record.network],
    ["Members", record.members.join(", ")],
    ["Seed", String(record.seed)],
    ["Limits", limits.join(", ")],
  ];
  return html`<section aria-labelledby="about">
    <h2 id="about">About this run</h2>
    <dl class="facts">
      ${facts.map(([name, value]) => value && html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  </section>`;
}
