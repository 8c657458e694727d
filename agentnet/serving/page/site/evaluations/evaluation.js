/** One evaluation: how far it is, what it found, and how sure that is. */

import { post } from "../api.js";
import { link } from "../routing.js";
import { Agent, Ago, count, Empty, Failure, Waiting } from "../ui/elements.js";
import { html, useEffect, useState } from "../ui/preact.js";
import { ChartFigure } from "./charts.js";
import { Decisions } from "./decisions.js";
import { Everywhere } from "./everywhere.js";
import { useLoaded } from "./loading.js";
import { Phases, State } from "./progress.js";
import { Key, SystemTable } from "./table.js";

const LOOK = 1000;
/** Milliseconds between two summaries of an evaluation that is being made. */
const SUMMARISED = 8000;
const ALL = "all";
/** Charts that stand before the table. */
const FIRST = ["forest", "costs"];

/** @param {{id: string, dataset: string | null}} properties */
export function EvaluationPage({ id, dataset }) {
  const path = `/api/evaluations/${encodeURIComponent(id)}`;
  const [over, setOver] = useState(false);
  const state = useLoaded(`${path}/progress`, over ? 0 : LOOK);
  /** @type {import("./types.js").Evaluation | null} */
  const evaluation = state.data;
  const active = evaluation?.status === "active";
  const summary = useLoaded(`${path}/summary`, active ? SUMMARISED : 0);
  useEffect(() => setOver(evaluation?.status === "done"), [evaluation?.status]);
  if (evaluation === null) {
    if (state.error === null) return html`<${Waiting} />`;
    return html`<${Failure} message=${state.error.message} retry=${state.reload} />`;
  }
  /** @type {import("./types.js").Summary | null} */
  const found = summary.data;
  return html`
    <p class="ev-back"><a href=${link(["evaluations"])}>← all evaluations</a></p>
    <header class="ev-head">
      <div>
        <h1>${evaluation.name} <${State} status=${evaluation.status} /></h1>
        <p class="soft">${found?.about}</p>
        <p class="soft ev-facts">
          ${`${evaluation.id} · network ${evaluation.network} · ${count(evaluation.trials)} trials`} · started${" "}
          <${Ago} time=${evaluation.created} />
        </p>
      </div>
      <${Actions} evaluation=${evaluation} path=${path} changed=${state.reload} />
    </header>
    ${evaluation.detail !== "" && html`<${Failure} message=${`It stopped: ${evaluation.detail}`} />`}
    ${evaluation.progress && html`<${Phases} progress=${evaluation.progress} />`}
    ${summary.error && html`<${Failure} message=${summary.error.message} retry=${summary.reload} />`}
    ${found === null && summary.error === null && html`<${Waiting} what="Adding up" />`}
    ${found !== null && html`<${Found} found=${found} evaluation=${found.evaluation} active=${active}
      dataset=${dataset} />`}
  `;
}

/** @param {{evaluation: import("./types.js").Evaluation, path: string, changed: () => void}} properties */
function Actions({ evaluation, path, changed }) {
  const [waiting, setWaiting] = useState(false);
  const [failure, setFailure] = useState("");
  /** @param {string} what */
  const act = async (what) => {
    setWaiting(true);
    setFailure("");
    try {
      await post(`${path}/${what}`);
    } catch (error) {
      setFailure(/** @type {Error} */ (error).message);
    } finally {
      setWaiting(false);
      changed();
    }
  };
  return html`<div class="ev-actions">
    ${evaluation.status === "active" &&
      html`<button type="button" disabled=${waiting} onClick=${() => act("cancel")}>Cancel</button>`}
    ${evaluation.status === "unfinished" &&
      html`<button type="button" class="primary" disabled=${waiting} onClick=${() => act("resume")}>Resume</button>`}
    ${evaluation.trials > 0 &&
      html`<a class="button" href=${link(["evaluations", evaluation.id, "report"])}>Whole report</a>`}
    ${failure !== "" && html`<${Failure} message=${failure} />`}
  </div>`;
}

/**
 * @param {object} properties
 * @param {import("./types.js").Summary} properties.found
 * @param {import("./types.js").Evaluation} properties.evaluation
 * @param {boolean} properties.active
 * @param {string | null} properties.dataset
 */
function Found({ found, evaluation, active, dataset }) {
  if (found.datasets.length === 0) {
    return html`<${Empty} title="Nothing to show yet">
      <p>${
        active
          ? "Members are asked alone first, to choose the best one in advance. Then the systems are, and what they " +
            "answer appears here."
          : "No test item was asked before it stopped. Resume it."
      }</p>
    <//>`;
  }
  const results = found.datasets.find((one) => one.name === dataset) ?? found.datasets[0];
  if (results === undefined) return null;
  /** @param {import("./types.js").Chart} chart */
  const figure = (chart) =>
    html`<${ChartFigure} key=${chart.name} evaluation=${evaluation} chart=${chart} dataset=${results.name} />`;
  const [first, ...rest] = found.headline;
  const several = found.datasets.length > 1;
  return html`
    ${first !== undefined &&
    html`<section class="ev-headline" aria-label="In short">
      <p class="ev-first">${first}</p>
      ${rest.length > 0 && html`<ul>${rest.map((line, index) => html`<li key=${index}>${line}</li>`)}</ul>`}
    </section>`}
    ${found.charts.map((chart) => html`<${ChartFigure} key=${chart.name} evaluation=${evaluation} chart=${chart} />`)}
    ${several && html`<${Everywhere} datasets=${found.datasets} members=${found.members} />`}
    ${several &&
    html`<nav class="ev-datasets" aria-label="Datasets">
      ${found.datasets.map(
        (one) => html`<a key=${one.name} href=${link(["evaluations", evaluation.id], { dataset: one.name })}
          aria-current=${one === results ? "true" : undefined}>${one.name}</a>`,
      )}
    </nav>`}
    <section class="ev-results">
      <h2>${results.name === ALL ? "All datasets together" : results.name}</h2>
      <p class="soft">
        ${count(results.items)} items. Best single model, chosen in advance:${" "}
        ${results.chosen.map((name, index) =>
          html`${index > 0 ? ", " : ""}<${Agent} key=${name} name=${name} members=${found.members} />`)}.
      </p>
      <div class="ev-charts">
        ${results.charts.filter(({ name }) => FIRST.includes(name)).map(figure)}
      </div>
      <h3>Every system</h3>
      <${SystemTable} results=${results} members=${found.members} />
      <${Key} rows=${results.rows} />
      ${results.charts.filter(({ name }) => !FIRST.includes(name)).map(figure)}
    </section>
    ${found.decisions.length > 0 && html`<${Decisions} decisions=${found.decisions} members=${found.members} />`}
  `;
}
