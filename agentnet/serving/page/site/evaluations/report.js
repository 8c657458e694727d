/** A whole report, as the server makes it: a page of its own, which can do nothing but show itself. */

import { link } from "../routing.js";
import { html } from "../ui/preact.js";
import { shade } from "../ui/theme.js";

/** @param {{title: string, path: string, back: string}} properties */
function Report({ title, path, back }) {
  const source = `${path}?theme=${shade.value}`;
  return html`<div class="ev-report">
    <p class="ev-bar">
      <a href=${back}>← back</a>
      <b>${title}</b>
      <a class="button" href=${source} target="_blank" rel="noopener">Open alone</a>
    </p>
    <iframe sandbox="allow-scripts" src=${source} title=${`Report: ${title}`}></iframe>
  </div>`;
}

/** @param {{id: string}} properties */
export function EvaluationReport({ id }) {
  return html`<${Report} title=${id} path=${`/api/evaluations/${encodeURIComponent(id)}/report`}
    back=${link(["evaluations", id])} />`;
}

/** @param {{name: string}} properties */
export function RecordedReport({ name }) {
  return html`<${Report} title=${name} path=${`/api/reports/${encodeURIComponent(name)}`}
    back=${link(["evaluations"])} />`;
}
