/** All protocols at a glance. */

import { html, useState } from "../ui/preact.js";
import { link } from "../routing.js";
import { Sketch } from "./sketch.js";

/**
 * @typedef {{name: string, summary: string, description: string, calls: string, source: string, expression: unknown,
 *   yaml: string, ready: boolean, problem: string | null, members: string[], people: string[]}} Protocol
 */

/** @param {{protocols: Protocol[], members: string[]}} properties */
export function Cards({ protocols }) {
  const [words, setWords] = useState("");
  const found = protocols.filter(({ name, summary, description }) =>
    `${name} ${summary} ${description}`.toLowerCase().includes(words.toLowerCase()));
  return html`
    <div class="heading">
      <div>
        <h1>Protocols</h1>
        <p class="soft lead">How the members work together: who is asked, who reads whom, and what decides.</p>
      </div>
      <input type="search" aria-label="Search protocols" placeholder="Search" value=${words}
        onInput=${(/** @type {any} */ event) => setWords(event.target.value)} />
      <a class="button primary" href=${link(["protocols"], { write: "new" })}>Write your own</a>
    </div>
    ${found.length === 0 && html`<p class="soft">No protocol has these words.</p>`}
    <ul class="protocol-cards">${found.map(
      ({ name, summary, calls, expression, ready, problem }) => html`<li key=${name} class=${ready ? "" : "unready"}>
        <a href=${link(["protocols", name])}>
          <${Sketch} expression=${expression} />
          <strong>${name}</strong>
          <span>${summary}</span>
          <span class="soft">${ready ? `calls: ${calls}` : `not ready: ${problem}`}</span>
        </a>
      </li>`,
    )}</ul>
  `;
}
