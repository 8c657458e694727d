/** Charts, as the server draws them for the reports: pictures that follow the theme. */

import { html } from "../ui/preact.js";
import { shade } from "../ui/theme.js";

/**
 * @param {object} properties
 * @param {import("./types.js").Evaluation} properties.evaluation
 * @param {import("./types.js").Chart} properties.chart
 * @param {string} [properties.dataset]
 */
export function ChartFigure({ evaluation, chart, dataset }) {
  const query = new URLSearchParams({ theme: shade.value, made: String(evaluation.trials) });
  if (dataset !== undefined) query.set("dataset", dataset);
  const charts = `/api/evaluations/${encodeURIComponent(evaluation.id)}/charts`;
  const source = `${charts}/${encodeURIComponent(chart.name)}.svg?${query}`;
  return html`<figure class=${`ev-chart ev-${chart.name}`}>
    <h3>${chart.title}</h3>
    <div class="wide" tabindex="0" role="group" aria-label=${`${chart.title}: a picture that may be scrolled`}>
      <img src=${source} alt=${`${chart.title}${dataset === undefined ? "" : `, ${dataset}`}. ${chart.note}`} />
    </div>
    <figcaption class="soft">${chart.note}</figcaption>
  </figure>`;
}
