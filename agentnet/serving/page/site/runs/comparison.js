/** Two runs side by side: their answers, what they used, and their messages by place. */

import { html } from "../ui/preact.js";
import { Failure, Waiting } from "../ui/elements.js";
import { link } from "../routing.js";
import { useRun } from "../run/following.js";
import { Pairs } from "./pairs.js";
import { useRecord } from "./record.js";
import { Summary } from "./summary.js";
import { shortened } from "./words.js";

/** @typedef {{state: import("../run/state.js").RunState, record: import("./record.js").Run, letter: "A" | "B"}} Side */

/**
 * @param {{first: string, second: string, query: URLSearchParams}} properties the query has how messages are shown
 */
export function Comparison({ first, second, query }) {
  const [one, other] = [useRun(first), useRun(second)];
  const [a, b] = [useRecord(first, one.state), useRecord(second, other.state)];
  const problem = a.problem || b.problem || one.following.problem.value || other.following.problem.value;
  if (problem !== "") {
    return html`<${Failure} message=${problem} />
      <p><a href=${link(["runs"], { with: first })}>Choose another run to compare</a></p>`;
  }
  if (a.record === null || b.record === null) return html`<${Waiting} what="Reading the runs" />`;
  const isSame = a.record.task === b.record.task;
  const question = isSame ? shortened(a.record.task, 300) : "Two questions";
  /** @type {[Side, Side]} */
  const sides = [
    { state: one.state, record: a.record, letter: "A" },
    { state: other.state, record: b.record, letter: "B" },
  ];
  return html`
    <p class="crumbs">
      <a href=${link(["runs"])}>Runs</a> › <a href=${link(["runs", first])}>${first}</a> › Compared
    </p>
    <h1 class=${question.length > 140 ? "asked long" : "asked"}>${question}</h1>
    <div class="actions">
      <a class="button" href=${link(["runs"], { with: first, text: shortened(a.record.task, 200) })}>
        Compare A to another run…
      </a>
      <a class="button" href=${link(["runs", second], { with: first })}>Exchange A and B</a>
    </div>
    <${Summary} sides=${sides} />
    <${Pairs} sides=${sides} query=${query} />
  `;
}
