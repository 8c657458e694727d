/** What systems that decide by themselves used, by kind of question. */

import { Agent, count } from "../ui/elements.js";
import { html } from "../ui/preact.js";
import { percent } from "./numbers.js";

/**
 * For each kind of question a bar of what was used: its parts are shares of the questions.
 * @param {{decisions: import("./types.js").Decision[], members: readonly string[]}} properties
 */
export function Decisions({ decisions, members }) {
  const deciders = [...new Set(decisions.map((one) => one.system))];
  return html`<section class="ev-decisions">
    <h2>What the network decided</h2>
    <p class="soft">Which system was used for which kind of question, by share of the questions, and how often
      it was right.</p>
    ${deciders.map((decider) => {
      const own = decisions.filter((one) => one.system === decider);
      return html`<div key=${decider}>
        ${deciders.length > 1 && html`<h3>${decider}</h3>`}
        <dl>
          ${[...new Set(own.map((one) => one.label))].map((label) =>
            html`<${Kind} key=${label} label=${label} members=${members}
              used=${own.filter((one) => one.label === label)} />`)}
        </dl>
      </div>`;
    })}
  </section>`;
}

/** @param {{label: string, used: import("./types.js").Decision[], members: readonly string[]}} properties */
function Kind({ label, used, members }) {
  const total = used.reduce((sum, one) => sum + one.items, 0);
  return html`<dt>${label}</dt>
    <dd>
      ${used.map(
        (one, index) => html`<div key=${index} class="ev-used">
          <span class="ev-share" style=${{ "--of": `${(100 * one.items) / total}%` }} aria-hidden="true"></span>
          <span><${Agent} name=${one.used} members=${members} /> <span class="soft">${told(one, total)}</span></span>
        </div>`,
      )}
    </dd>`;
}

/**
 * @param {import("./types.js").Decision} used
 * @param {number} total questions of the kind
 */
function told({ items, accuracy, tokens }, total) {
  return `${count(items)} of ${count(total)}, ${percent(accuracy)} % right, ${count(tokens)} tokens`;
}
