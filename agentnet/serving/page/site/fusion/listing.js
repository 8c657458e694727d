/** The latest runs in which members wrote together. */

import { html, useEffect, useState } from "../ui/preact.js";
import { Ago, Failure } from "../ui/elements.js";
import { get } from "../api.js";
import { link } from "../routing.js";

/** The name of a protocol that has none. */
const INLINE = "inline";
const LATEST = "/api/runs?said=fusion&limit=12";

/** @typedef {{id: string, task: string, answer: string | null, protocol: string, created: string}} Summary */

/** A list of links to fused texts. */
export function Latest() {
  const [runs, setRuns] = useState(/** @type {Summary[] | null} */ (null));
  const [failure, setFailure] = useState("");
  const load = () => {
    setFailure("");
    get(LATEST).then((page) => setRuns(page.runs), (error) => setFailure(error.message));
  };
  useEffect(load, []);
  if (failure !== "") return html`<${Failure} message=${failure} retry=${load} />`;
  if (runs === null) return null;
  if (runs.length === 0) {
    return html`<p class="soft">No text was written together yet. Start one here, or with
      <code>agentnet ask "What is 347 + 285?" --protocol duetnet</code>: it will be listed here.</p>`;
  }
  return html`<ul class="latest">${runs.map(
    (run) => html`<li key=${run.id}><a href=${link(["fusion", run.id])}>
      <span class="question">${run.task}</span>
      <span class="answer">${run.answer ?? ""}</span>
      <span class="soft">${run.protocol === INLINE ? "own expression" : run.protocol} · <${Ago}
        time=${run.created} /></span>
    </a></li>`,
  )}</ul>`;
}
