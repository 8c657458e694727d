/** Every system on every dataset: right answers, in per cent. */

import { html } from "../ui/preact.js";
import { percent } from "./numbers.js";
import { SIGNS, System } from "./table.js";

const SHOWN = ["best", "system", "member"];

/** @param {{datasets: import("./types.js").Results[], members: readonly string[]}} properties */
export function Everywhere({ datasets, members }) {
  const rows = SHOWN.flatMap((kind) => {
    const known = datasets.flatMap((results) => results.rows).filter((row) => row.kind === kind);
    return [...new Map(known.map((row) => [row.system, row])).values()];
  });
  return html`<section>
    <h2>Every system on every dataset</h2>
    <p class="soft">Right answers, in per cent. ▲ better, ▼ worse than the best single model, beyond the noise.</p>
    <div class="wide" tabindex="0" role="group" aria-label="Every system on every dataset">
      <table class="ev-everywhere">
        <thead><tr><th scope="col">system</th>${datasets.map((results) =>
          html`<th key=${results.name} scope="col">${results.name}</th>`)}</tr></thead>
        <tbody>
          ${rows.map(
            (row) => html`<tr key=${row.system} class=${`ev-${row.kind}`}>
              <th scope="row"><${System} row=${row} members=${members} /></th>
              ${datasets.map((results) =>
                html`<${Cell} key=${results.name} row=${results.rows.find((one) => one.system === row.system)} />`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** @param {{row: import("./types.js").Row | undefined}} properties */
function Cell({ row }) {
  if (row === undefined) return html`<td></td>`;
  const verdict = row.over_best?.verdict ?? "open";
  return html`<td class=${`ev-share ${verdict}`} style=${{ "--of": `${100 * row.accuracy.estimate}%` }}>
    <span>${percent(row.accuracy.estimate)} <i>${SIGNS[verdict]}</i></span>
  </td>`;
}
