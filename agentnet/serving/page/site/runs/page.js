/** A run: what was asked and said, where it comes from, and what can be done with it. */

import { html, useEffect, useState } from "../ui/preact.js";
import { Ago, Failure } from "../ui/elements.js";
import { get } from "../api.js";
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
  /** @param {Entry} entry */
  const actions = (entry) => html`<a class="turn-link" href=${link(["runs", id], { fork: entry.id })}>fork</a>`;
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>‹ All runs</a></p>
    <${RunView} state=${state} following=${following} record=${record} marked=${message} actions=${actions}>
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

/** Where the run comes from, and what comes from it. @param {{record: Run}} properties */
function Facts({ record }) {
  const origin = record.forked_from;
  const forks = useForks(record.id);
  const limits = Object.entries(record.limits).flatMap(([name, value]) =>
    value === null || name === "when_exhausted" ? [] : [`${value} ${name}`],
  );
  const asker = SURFACES[record.surface ?? ""] ?? "a program of the server's machine";
  /** @type {[string, any][]} */
  const facts = [
    ["Asked", html`<${Ago} time=${record.created} /> by ${asker}`],
    ["Key", record.caller && html`<a href=${link(["runs"], { caller: record.caller })}>${record.caller}</a>`],
    ["Goes on from", origin && html`<${Origin} id=${record.id} origin=${origin} />`],
    ["Forks", forks.length > 0 && forks.map((fork) => html`<${Fork} key=${fork.id} fork=${fork} />`)],
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

/** @param {{id: string, origin: {run: string, message: string, copied: number}}} properties */
function Origin({ id, origin }) {
  return html`
    <a href=${link(["runs", origin.run, "messages", origin.message])}>message ${origin.copied + 1} of ${origin.run}</a>
    <a class="fork-link" href=${link(["runs", origin.run], { with: id })}>compare them</a>
  `;
}

/** @param {{fork: import("./listing.js").Summary}} properties */
function Fork({ fork }) {
  const outcome = fork.answer === null ? fork.status : shortened(fork.answer, 40);
  return html`<a class="fork-link" href=${link(["runs", fork.id])}>${fork.protocol} (${outcome})</a>`;
}

/**
 * Read the runs that go on from a message of this one.
 * @param {string} id
 */
function useForks(id) {
  const [forks, setForks] = useState(/** @type {import("./listing.js").Summary[]} */ ([]));
  useEffect(() => {
    const leaving = new AbortController();
    get(`/api/runs?forked_from=${encodeURIComponent(id)}`, { signal: leaving.signal }).then(
      (page) => setForks(page.runs),
      () => setForks([]), // the run itself says what is wrong with the server
    );
    return () => leaving.abort();
  }, [id]);
  return forks;
}
