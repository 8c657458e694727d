/** The systems of a dataset in numbers: right answers with their interval, and the difference to the best model. */

import { colourOf } from "../ui/colours.js";
import { Agent, count } from "../ui/elements.js";
import { html, useState } from "../ui/preact.js";
import { bounds, chance, percent, points } from "./numbers.js";

/** @typedef {import("./types.js").Row} Row */

/** @type {Record<import("./types.js").Kind, {mark: string, what: string}>} */
export const KINDS = {
  best: { mark: "★", what: "best single model, chosen in advance" },
  system: { mark: "■", what: "system" },
  member: { mark: "●", what: "member alone" },
  samples: { mark: "▲", what: "the best single model, a vote over its own samples" },
  corrections: { mark: "◆", what: "the best single model, revising itself" },
};
export const SIGNS = { better: "▲", worse: "▼", open: "" };

/** @type {{name: string, of: (row: Row) => number | string | null}[]} */
const COLUMNS = [
  { name: "system", of: (row) => row.system },
  { name: "right, 95 %", of: (row) => row.accuracy.estimate },
  { name: "over best, points", of: (row) => row.over_best?.accuracy.estimate ?? null },
  { name: "p", of: (row) => row.over_best?.p ?? null },
  { name: "calls", of: (row) => row.calls },
  { name: "tokens", of: (row) => row.tokens },
  { name: "seconds", of: (row) => row.seconds },
  { name: "cost of 1000", of: (row) => row.cost },
];

/** @param {{results: import("./types.js").Results, members: readonly string[]}} properties */
export function SystemTable({ results, members }) {
  const [order, setOrder] = useState(/** @type {{column: number, up: boolean} | null} */ (null));
  const priced = results.rows.some((row) => row.cost > 0);
  const columns = COLUMNS.filter((column) => priced || column.name !== "cost of 1000");
  const best = results.rows.find((row) => row.kind === "best")?.accuracy.estimate;
  const column = order === null ? undefined : columns[order.column];
  const rows = order === null || column === undefined ? results.rows : sorted(results.rows, column.of, order.up);
  return html`<div class="wide" tabindex="0" role="group" aria-label="Systems in numbers">
    <table class="ev-systems">
      <thead>
        <tr>
          ${columns.map((column, place) => {
            const chosen = order?.column === place;
            const up = chosen ? !order.up : place === 0;
            return html`<th key=${column.name} scope="col"
              aria-sort=${chosen ? (order.up ? "ascending" : "descending") : undefined}>
              <button type="button" class="quiet"
                onClick=${() => setOrder({ column: place, up })}>${column.name}</button>
            </th>`;
          })}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${SystemRow} key=${row.system} row=${row} best=${best} members=${members}
          priced=${priced} />`)}
      </tbody>
    </table>
  </div>`;
}

/** @param {{row: Row, best: number | undefined, members: readonly string[], priced: boolean}} properties */
function SystemRow({ row, best, members, priced }) {
  const gain = row.over_best;
  return html`<tr class=${`ev-${row.kind}`}>
    <th scope="row"><${System} row=${row} members=${members} />${row.failures > 0 &&
      html` <small class="bad">${count(row.failures)} without a score</small>`}</th>
    <td><span class="ev-right">
      <${Interval} share=${row.accuracy} best=${best} />
      <b>${percent(row.accuracy.estimate)}</b>
      <small>${bounds(row.accuracy)}</small>
    </span></td>
    <td class=${gain?.verdict ?? ""}>${gain &&
      html`${points(gain.accuracy.estimate)} ${SIGNS[gain.verdict]}${" "}
        <small>${`${points(gain.accuracy.low)} to ${points(gain.accuracy.high)}`}</small>`}</td>
    <td>${gain && chance(gain.p)}</td>
    <td>${row.calls.toFixed(1)}</td>
    <td>${count(row.tokens)}</td>
    <td>${row.seconds.toFixed(2)}</td>
    ${priced && html`<td>${Number((1000 * row.cost).toPrecision(3))}</td>`}
  </tr>`;
}

/**
 * A system's name behind the mark of its kind; a member's in its colour.
 * @param {{row: Row, members: readonly string[]}} properties
 */
export function System({ row, members }) {
  const kind = KINDS[row.kind];
  const colour = row.kind === "member" ? colourOf(row.system, members) : null;
  const mark = html`<span class=${`ev-kind ev-${row.kind}`} style=${colour === null ? {} : { color: colour }}
    title=${kind.what} aria-hidden="true">${kind.mark}</span>`;
  const name = colour === null ? row.system : html`<${Agent} name=${row.system} members=${members} />`;
  return html`<span class="ev-name">${mark}<span>${name}</span></span>`;
}

/**
 * A share between 0 and 1 with its interval; the line across is the best single model.
 * @param {{share: import("./types.js").Bounded, best: number | undefined}} properties
 */
function Interval({ share, best }) {
  const style = {
    "--low": `${100 * share.low}%`,
    "--high": `${100 * (1 - share.high)}%`,
    "--at": `${100 * share.estimate}%`,
  };
  return html`<span class="ev-interval" style=${best === undefined ? style : { ...style, "--best": `${100 * best}%` }}
    aria-hidden="true">
    ${best !== undefined && html`<i class="ev-best"></i>`}<i class="ev-bar"></i><i class="ev-at"></i>
  </span>`;
}

/**
 * What the marks mean; only those that are there.
 * @param {{rows: readonly Row[]}} properties
 */
export function Key({ rows }) {
  const known = /** @type {(keyof typeof KINDS)[]} */ (Object.keys(KINDS));
  const kinds = known.filter((kind) => rows.some((row) => row.kind === kind));
  return html`<ul class="ev-key soft">
    ${kinds.map((kind) => html`<li key=${kind}>
      <span class=${`ev-kind ev-${kind}`} aria-hidden="true">${KINDS[kind].mark}</span> ${KINDS[kind].what}
    </li>`)}
  </ul>`;
}

/**
 * Rows by a value; those without one stay last.
 * @param {readonly Row[]} rows
 * @param {(row: Row) => number | string | null} of
 * @param {boolean} up
 */
function sorted(rows, of, up) {
  return rows.toSorted((one, other) => {
    const [a, b] = [of(one), of(other)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    const way = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return up ? way : -way;
  });
}
