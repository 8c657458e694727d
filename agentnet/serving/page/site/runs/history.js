/** The history: every run that the caller may see, day by day. */

import { html } from "../ui/preact.js";
import { Ago, Empty, Failure, Waiting } from "../ui/elements.js";
import { link } from "../routing.js";
import { Filters, chosenOf } from "./filters.js";
import { Letter } from "./letter.js";
import { useRuns } from "./listing.js";
import { useRecord } from "./record.js";
import { STATUSES, SURFACES, counted, duration, shortened, tokens } from "./words.js";

/** @typedef {import("./listing.js").Summary} Summary */

/**
 * @param {{query: URLSearchParams}} properties with `with`, a run is chosen that this one is compared to
 */
export function History({ query }) {
  const chosen = chosenOf(query);
  const compared = query.get("with") ?? undefined;
  const { page, problem, busy, retry, older } = useRuns(chosen);
  const shown = page?.runs.filter((run) => run.id !== compared) ?? [];
  return html`
    <h1>${compared === undefined ? "Runs" : "Choose a run to compare"}</h1>
    ${compared !== undefined && html`<${Compared} id=${compared} />`}
    <${Filters} chosen=${chosen} kept=${{ with: compared }} />
    ${problem !== "" && html`<${Failure} message=${problem} retry=${retry} />`}
    ${page === null && problem === "" && html`<${Waiting} what="Reading the runs" />`}
    ${page !== null && shown.length === 0 &&
    html`<${Nothing} filtered=${Object.keys(chosen).length > 0} compared=${compared} />`}
    ${days(shown).map(
      ([day, runs]) => html`<section key=${day} class="past-day" aria-label=${day}>
        <h2>${day}</h2>
        <ol class="listing">
          ${runs.map((run) => html`<${Row} key=${run.id} run=${run} compared=${compared} query=${query} />`)}
        </ol>
      </section>`,
    )}
    ${page?.next && html`<button type="button" class="older" disabled=${busy} onClick=${older}>
      ${busy ? "Reading…" : "Older runs"}
    </button>`}
  `;
}

/** The run that another one is chosen for. @param {{id: string}} properties */
function Compared({ id }) {
  const { record, problem } = useRecord(id);
  if (problem !== "") return html`<${Failure} message=${problem} />`;
  return html`<p class="picking">
    <${Letter} letter="A" />
    <span>
      <a href=${link(["runs", id])}>${record === null ? id : shortened(record.task)}</a>
      ${record && ` by ${record.protocol}`}
    </span>
    <a class="button quiet" href=${link(["runs", id])}>Do not compare</a>
  </p>`;
}

/** @param {{run: Summary, compared?: string, query: URLSearchParams}} properties */
function Row({ run, compared, query }) {
  const status = STATUSES[run.status];
  const address = compared === undefined ? link(["runs", run.id]) : link(["runs", compared], { with: run.id });
  const others = Object.fromEntries([...query].filter(([name]) => name !== "caller"));
  return html`<li class="past">
    <span class=${`sign ${status.kind}`} title=${status.word}>
      <span aria-hidden="true">${status.mark}</span><span class="unseen">${status.word}</span>
    </span>
    <a class="past-task" href=${address}>${shortened(run.task, 240)}</a>
    <p class="past-outcome">${outcome(run)}</p>
    <div class="past-how">
      <span>${run.protocol}</span>
      ${run.label && html`<span class="soft">${run.label}</span>`}
      ${run.forked_from && html`<span class="soft">a fork</span>`}
      ${run.outcome === true && html`<span class="sign good">right</span>`}
      ${run.outcome === false && html`<span class="sign bad">wrong</span>`}
      ${run.surface && run.surface !== "api" && html`<span class="soft">${SURFACES[run.surface]}</span>`}
      ${run.caller && html`<a href=${link(["runs"], { ...others, caller: run.caller })} title="Runs of this key">
        key ${run.caller}
      </a>`}
    </div>
    <dl class="past-figures">
      <div><dt class="unseen">Calls</dt><dd>${counted(run.usage.calls, "call")}</dd></div>
      <div><dt class="unseen">Tokens</dt><dd>${counted(tokens(run.usage), "token")}</dd></div>
      <div><dt class="unseen">Time in models</dt><dd>${duration(run.usage.seconds)}</dd></div>
    </dl>
    <span class="past-when"><${Ago} time=${run.updated} /></span>
  </li>`;
}

/** @param {Summary} run */
function outcome(run) {
  if (run.answer !== null) return html`<span class="past-answer">${shortened(run.answer, 240)}</span>`;
  if (run.status === "running") return html`<span class="soft">being worked on…</span>`;
  return html`<span class="soft">${STATUSES[run.status].word}${run.detail && `: ${shortened(run.detail, 240)}`}</span>`;
}

/** @param {{filtered: boolean, compared?: string}} properties */
function Nothing({ filtered, compared }) {
  if (filtered) {
    return html`<${Empty} title="No run is like that">
      <p>The question must contain the words as they stand; the other filters must all hold.</p>
      <p><a href=${link(["runs"], { with: compared })}>Show all runs</a></p>
    <//>`;
  }
  return html`<${Empty} title=${compared === undefined ? "Nothing was asked yet" : "There is no second run yet"}>
    <p>Each question that the network answers is kept here, whoever asks: this page, a program, or the command line.
      You can read all that was said, play it again at any speed, compare two runs, and go on from any message with
      another protocol.</p>
    <p><a class="button" href=${link(["ask"])}>Ask the first question</a></p>
    <p>Or in a terminal: <code>agentnet ask "What is 347 + 285?" --protocol debate</code></p>
  <//>`;
}

/**
 * @param {readonly Summary[]} runs
 * @returns {[string, Summary[]][]} in their order, by the day of their last change
 */
function days(runs) {
  /** @type {Map<string, Summary[]>} */
  const found = new Map();
  for (const run of runs) {
    const day = dayOf(new Date(run.updated));
    found.set(day, [...(found.get(day) ?? []), run]);
  }
  return [...found];
}

/** @param {Date} time */
function dayOf(time) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (time.toDateString() === today.toDateString()) return "Today";
  if (time.toDateString() === yesterday.toDateString()) return "Yesterday";
  const year = time.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return time.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year });
}
