/** The evaluations of this server, the suites that can be started, and the reports that were recorded before. */

import { link } from "../routing.js";
import { Ago, count, Empty, Failure, Waiting } from "../ui/elements.js";
import { html } from "../ui/preact.js";
import { useLoaded } from "./loading.js";
import { about } from "./numbers.js";
import { shareDone, State } from "./progress.js";
import { Starting } from "./starting.js";

const LOOK = 2000;

/** Everything that stands at `#/evaluations`. */
export function EvaluationList() {
  const evaluations = useLoaded("/api/evaluations", LOOK);
  const suites = useLoaded("/api/suites");
  const recorded = useLoaded("/api/reports");
  /** @type {import("./types.js").Evaluation[] | null} */
  const known = evaluations.data;
  return html`
    <h1>Evaluations</h1>
    <p class="soft ev-lead">
      Does it help that models work together, and at what cost? Every system is compared with the best single model,
      which is chosen in advance on questions of their own.
    </p>
    <div class="ev-home">
      <section class="ev-mine" aria-label="Evaluations of this server">
        ${evaluations.error && html`<${Failure} message=${evaluations.error.message} retry=${evaluations.reload} />`}
        ${known === null && evaluations.error === null && html`<${Waiting} />`}
        ${known !== null && known.length === 0 && html`<${Nothing} />`}
        ${known !== null && known.length > 0 && html`<ul class="ev-list">${known.map((one) =>
          html`<${Entry} key=${one.id} one=${one} />`)}</ul>`}
      </section>
      <div class="ev-aside">
        ${suites.error && html`<${Failure} message=${suites.error.message} retry=${suites.reload} />`}
        ${suites.data && known !== null &&
          html`<${Starting} suites=${suites.data} active=${known.find((one) => one.status === "active")} />`}
        ${recorded.data?.length > 0 && html`<${Recorded} reports=${recorded.data} />`}
      </div>
    </div>
  `;
}

function Nothing() {
  return html`<${Empty} title="No evaluation yet">
    <p>Start one: it asks the members alone and together on the same questions, and says which differences are more
      than chance.</p>
    <p>Those of <code>agentnet eval</code> appear here, too, if they use this server's store.</p>
  <//>`;
}

/** @param {{one: import("./types.js").Evaluation}} properties */
function Entry({ one }) {
  return html`<li>
    <a href=${link(["evaluations", one.id])}>
      <span class="ev-title"><b>${one.name}</b> <${State} status=${one.status} /></span>
      <span class="soft ev-facts">
        ${`${one.id} · ${one.network} · ${count(one.trials)} trials · `}<${Ago} time=${one.created} />
      </span>
      ${one.progress &&
      html`<progress max="1" value=${shareDone(one.progress)} aria-label=${`Progress of ${one.name}`}></progress>
        ${one.progress.seconds_left !== null &&
          html`<span class="soft ev-facts">${`${about(one.progress.seconds_left)} left`}</span>`}`}
      ${one.detail !== "" && html`<span class="bad ev-facts">${one.detail}</span>`}
    </a>
  </li>`;
}

/** @param {{reports: {name: string, summary: string}[]}} properties */
function Recorded({ reports }) {
  return html`<section class="ev-recorded">
    <h2>Recorded reports</h2>
    <p class="soft">Of the shipped suites, on all their items: they come with AgentNet.</p>
    <ul>
      ${reports.map(
        (report) => html`<li key=${report.name}>
          <a href=${link(["evaluations", "recorded", report.name])}>${report.name}</a>${" "}
          <span class="soft">${report.summary}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}
