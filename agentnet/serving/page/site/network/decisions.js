/** What `auto` decided lately, counted. */

import { html, useEffect, useSignal } from "../ui/preact.js";
import { Ago, count } from "../ui/elements.js";
import { get } from "../api.js";
import { link } from "../routing.js";
import { System } from "./system.js";

/** @typedef {{label: string | null, use: string, count: number, latest: string, run: string}} Decided */

/** @param {{names: readonly string[]}} properties */
export function Decisions({ names }) {
  /** @type {import("../ui/preact.js").Signal<Decided[] | null>} */
  const decided = useSignal(null);
  const failure = useSignal("");
  useEffect(() => {
    get("/api/policy/decisions").then(
      (found) => (decided.value = found),
      (error) => (failure.value = error.message),
    );
  }, []);
  const found = decided.value ?? [];
  const most = Math.max(1, ...found.map((one) => one.count));
  return html`<section class="decisions">
    <h2>Decided lately</h2>
    ${failure.value !== "" && html`<p class="bad">${failure.value}</p>`}
    ${decided.value !== null && found.length === 0 &&
      html`<p class="soft">Nothing was asked of <code>auto</code> yet. <a
        href=${link(["ask"])}>Ask something</a>, and it will be counted here.</p>`}
    ${found.length > 0 && html`<div class="wide"><table>
      <thead><tr><th scope="col">kind</th><th scope="col">used</th><th scope="col">times</th>
        <th scope="col">latest</th></tr></thead>
      <tbody>${found.map((one) => html`<tr key=${`${one.label} ${one.use}`}>
        <th scope="row">${one.label ?? html`<span class="soft">unknown</span>`}</th>
        <td><${System} name=${one.use} names=${names} /></td>
        <td><span class="times"><span style=${{ width: `${(100 * one.count) / most}%` }}></span>
          </span> ${count(one.count)}</td>
        <td><a href=${link(["runs", one.run])}><${Ago} time=${one.latest} /></a></td>
      </tr>`)}</tbody>
    </table></div>`}
  </section>`;
}
