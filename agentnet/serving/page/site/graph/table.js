/** The same as a graph, as a table: for those who do not see it, and for counts. */

import { html, useSignal } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { CENTRE, JUDGEMENTS } from "./relations.js";
import { named, tally } from "./sentences.js";

/** @typedef {import("./relations.js").Relations} Relations */

/**
 * `at` is the latest message: with it, the table changes.
 * @param {{relations: Relations, at: unknown, names: readonly string[], members: readonly string[], pick: import("../ui/preact.js").Signal<string>}} properties
 */
export function RelationsTable({ relations, names, members, pick }) {
  const isOpen = useSignal(false);
  const shown = isOpen.value ? [...names, CENTRE].filter((name) => relations.actors.has(name)) : [];
  return html`<details class="graph-table" onToggle=${(/** @type {Event} */ event) => (isOpen.value = /** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
    <summary>Who read whom, as a table</summary>
    <div class="wide">
      <table>
        <thead>
          <tr><th scope="col">Member</th><th scope="col">Messages</th><th scope="col">Read</th><th scope="col">Was read by</th><th scope="col">Judged</th><th scope="col">Was judged</th></tr>
        </thead>
        <tbody>
          ${shown.map((name) => {
            const actor = relations.actor(name);
            const links = [...relations.links.values()].filter((link) => link.count > 0);
            const read = links.filter((link) => link.to === name && (link.kind === "read" || link.kind === "decide"));
            const readers = links.filter((link) => link.from === name && (link.kind === "read" || link.kind === "decide"));
            const judged = links.filter((link) => link.from === name && JUDGEMENTS.includes(link.kind));
            return html`<tr key=${name} class=${pick.value === name && name !== CENTRE ? "chosen" : ""}>
              <th scope="row">${name === CENTRE ? "the decision" : html`<${Agent} name=${name} members=${members} />`}</th>
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
