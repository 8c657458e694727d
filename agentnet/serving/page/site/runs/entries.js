/** The turns of a run, one below the other. */

import { html } from "../ui/preact.js";
import { Agent, Parts } from "../ui/elements.js";
import { link } from "../routing.js";

/** @param {{state: import("../run/state.js").RunState}} properties */
export function Entries({ state }) {
  const members = state.members.value;
  return html`<ol class="entries">
    ${state.entries.value.map((entry) => {
      const shown = entry.shown.value;
      return html`<li key=${entry.id}>
        <${Agent} name=${entry.agent} members=${members} /> <span class="soft">${shown?.kind ?? entry.role}</span>
        <p>${shown === null ? entry.text.value : html`<${Parts} parts=${shown.full} members=${members} />`}</p>
        <a href=${link(["runs", state.id], { fork: entry.id })}>Go on from here</a>
      </li>`;
    })}
  </ol>`;
}
