/** The same as a graph, as a table: for those who do not see it, and for counts. */

import { html, useSignal } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { CENTRE, JUDGEMENTS } from "./relations.js";
import { named, tally } from "./sentences.js";

/** @typedef {import("./relations.js").Relations} Relations */

const HEADS = ["Member", "Messages", "Read", "Was read by", "Judged", "Was judged"];

/**
 * `at` is the latest message: with it, the table changes.
 * @param {{
 *   relations: Relations, at: unknown, names: readonly string[], members: readonly string[],
 *   pick: import("../ui/preact.js").Signal<string>,
 * }} properties
 */
export function RelationsTable({ relations, names, members, pick }) {
  const isOpen = useSignal(false);
  const shown = isOpen.value ? [...names, CENTRE].filter((name) => relations.actors.has(name)) : [];
  /** @param {{currentTarget: HTMLDetailsElement}} event */
  const toggle = (event) => (isOpen.value = event.currentTarget.open);
  const links = isOpen.value ? [...relations.links.values()].filter((link) => link.count > 0) : [];
  const readings = links.filter((link) => link.kind === "read" || link.kind === "decide");
  return html`<details class="graph-table" onToggle=${toggle}>
    <summary>Who read whom, as a table</summary>
    <div class="wide">
      <table>
        <thead>
          <tr>${HEADS.map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr>
        </thead>
        <tbody>
          ${shown.map((name) => {
            const actor = relations.actor(name);
            const read = readings.filter((link) => link.to === name);
            const readers = readings.filter((link) => link.from === name);
            const judged = links.filter((link) => link.from === name && JUDGEMENTS.includes(link.kind));
            return html`<tr key=${name} class=${pick.value === name && name !== CENTRE ? "chosen" : ""}>
              <th scope="row">
                ${name === CENTRE ? named(name) : html`<${Agent} name=${name} members=${members} />`}
              </th>
              <td>${actor.messages}</td>
              <td>${counted(read.map(({ from, count }) => [from, count]))}</td>
              <td>${counted(readers.map(({ to, count }) => [to, count]))}</td>
              <td>${counted(judged.map(({ to, count, kind }) => [`${named(to)} (${kind})`, count]))}</td>
              <td>${tally(actor)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </details>`;
}

/** @param {readonly (readonly [string, number])[]} counts */
function counted(counts) {
  return counts.map(([name, count]) => (count === 1 ? named(name) : `${named(name)} × ${count}`)).join(", ") || "–";
}
