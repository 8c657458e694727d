/** Accuracy against cost of every system that was tried, drawn by the server; the same as a table. */

import { html, useEffect, useRef, useSignal } from "../ui/preact.js";
import { count, percent } from "../ui/elements.js";
import { link } from "../routing.js";
import { shade } from "../ui/theme.js";
import { seconds } from "./numbers.js";

/** @typedef {import("./policy.js").Estimate} Estimate */

/** @param {{labels: readonly string[], label: string, estimates: readonly Estimate[], used: string}} properties */
export function Frontier({ labels, label, estimates, used }) {
  const place = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const width = useSignal(0);
  useEffect(() => {
    if (place.current !== null) width.value = Math.max(280, Math.min(1180, Math.floor(place.current.clientWidth)));
  }, []);
  const shown = estimates.filter((estimate) => estimate.label === label).toSorted((a, b) => a.tokens - b.tokens);
  const nothing = { candidate: "", accuracy: 0, tokens: 0 };
  const best = shown.reduce((first, one) => (one.accuracy > first.accuracy ? one : first), shown[0] ?? nothing);
  const query = new URLSearchParams({ label, theme: shade.value, width: String(width.value) });
  const kind = label === "*" ? "all kinds of questions" : `questions of ${label}`;
  const told = [
    `Accuracy over tokens for ${kind}: ${shown.length} systems.`,
    `The best is ${best.candidate} with ${percent(best.accuracy)} at ${Math.round(best.tokens)} tokens.`,
    `Used is ${used}.`,
  ].join(" ");
  return html`<section class="frontier" ref=${place}>
    <h2>Accuracy against cost</h2>
    <p class="filter" role="group" aria-label="Kind of question">
      ${labels.map((one) =>
        html`<a key=${one} class="button" aria-current=${one === label ? "true" : undefined}
          href=${link(["network", "auto"], { label: one === "*" ? undefined : one })}>${one === "*" ? "all" : one}
            </a>`)}
    </p>
    ${shown.length > 1 && width.value > 0 && html`<img src=${`/api/policy/costs.svg?${query}`} width=${width.value}
      alt=${told} />`}
    <p class="soft small">Dots are single members in their colours, squares are systems of several. The ring is what
      is used; the line joins those that are better than everything cheaper.</p>
    <details>
      <summary>as a table</summary>
      <div class="wide"><table>
        <thead><tr><th scope="col">system</th><th scope="col">right</th><th scope="col">tokens</th>
          <th scope="col">time</th><th scope="col">questions</th></tr></thead>
        <tbody>${shown.map((one) => html`<tr key=${one.candidate} class=${one.candidate === used ? "used" : ""}>
          <th scope="row">${one.candidate}</th><td>${percent(one.accuracy)}</td><td>${count(one.tokens)}</td><td>
            ${seconds(one.seconds)}</td><td>${count(one.items)}</td>
        </tr>`)}</tbody>
      </table></div>
    </details>
  </section>`;
}
