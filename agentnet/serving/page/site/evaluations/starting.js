/** Starting an evaluation: which suite, and on how many items. */

import { post } from "../api.js";
import { go, link } from "../routing.js";
import { count, Failure } from "../ui/elements.js";
import { html, useState } from "../ui/preact.js";
import { useSeen } from "../ui/seen.js";

/** The suite that is chosen at first: it is quick. */
const FIRST = "first-light";

/**
 * @param {{suites: import("./types.js").Suite[], active: import("./types.js").Evaluation | undefined}} properties
 */
export function Starting({ suites, active }) {
  const [name, setName] = useState((suites.find((suite) => suite.name === FIRST) ?? suites[0])?.name ?? "");
  const [limit, setLimit] = useState(20);
  const [failure, setFailure] = useState("");
  const [waiting, setWaiting] = useState(false);
  const seen = useSeen();
  const chosen = suites.find((suite) => suite.name === name);

  /** @param {Event} event */
  const start = async (event) => {
    event.preventDefault();
    setWaiting(true);
    setFailure("");
    try {
      const started = await post("/api/evaluations", { suite: name, limit });
      if (seen.current) go(link(["evaluations", started.id]));
    } catch (error) {
      setFailure(/** @type {Error} */ (error).message);
    } finally {
      setWaiting(false);
    }
  };

  return html`<form class="card ev-starting" onSubmit=${start}>
    <h2>Start one</h2>
    <div class="ev-fields">
      <label>Suite
        <select value=${name} onChange=${(/** @type {any} */ event) => setName(event.target.value)}>
          ${suites.map((suite) => html`<option key=${suite.name} value=${suite.name}>${suite.name}</option>`)}
        </select>
      </label>
      <label>Items of each dataset, at most
        <input type="number" min="1" max="2000" required value=${limit}
          onInput=${(/** @type {any} */ event) => setLimit(Number(event.target.value))} />
      </label>
      <button type="submit" class="primary"
        disabled=${waiting || active !== undefined}>${waiting ? "Starting…" : "Start"}</button>
    </div>
    ${chosen && html`<${About} suite=${chosen} limit=${limit} />`}
    ${active &&
    html`<p class="soft">One is made at a time: <a
      href=${link(["evaluations", active.id])}>${active.name} ${active.id}</a> is being made.</p>`}
    ${failure !== "" && html`<${Failure} message=${failure} />`}
  </form>`;
}

/** @param {{suite: import("./types.js").Suite, limit: number}} properties */
function About({ suite, limit }) {
  const remarks = [
    suite.learns && "auto learns from the selection items first",
    suite.lives && "members come, go, lie and fail meanwhile",
    suite.attacked && "members lie",
  ].filter(Boolean);
  return html`<div class="ev-about">
    <p>${suite.summary}</p>
    <dl>
      <dt>Questions</dt>
      <dd>
        ${suite.datasets.map((dataset, index) =>
          html`${index > 0 ? ", " : ""}${dataset.name} ${asked(dataset.items, limit)}`)}
        ${suite.selection > 0 &&
          html`; and ${count(Math.min(limit, suite.selection))} of each that choose the best single model in advance`}
      </dd>
      <dt>Network</dt>
      <dd>${suite.network}${remarks.length > 0 ? `; ${remarks.join("; ")}` : ""}</dd>
      <dt>The same in a terminal</dt>
      <dd><code>agentnet eval ${suite.name} --limit ${limit}</code></dd>
    </dl>
  </div>`;
}

/**
 * How many items of a dataset are asked.
 * @param {number | null} items
 * @param {number} limit
 */
function asked(items, limit) {
  return items === null ? `up to ${count(limit)}` : count(Math.min(items, limit));
}
