/** What two runs came to, and what they used. */

import { html } from "../ui/preact.js";
import { count } from "../ui/elements.js";
import { link } from "../routing.js";
import { Letter } from "./letter.js";
import { STATUSES, duration, money, shortened } from "./words.js";

/** @typedef {import("./comparison.js").Side} Side */
/** @typedef {import("../run/state.js").Usage} Usage */
/** @typedef {{name: string, of: (usage: Usage) => number, said: (value: number) => string}} Measure */

/** @type {Measure[]} */
const MEASURES = [
  { name: "Calls", of: (usage) => usage.calls, said: count },
  { name: "Tokens read", of: (usage) => usage.prompt_tokens, said: count },
  { name: "Tokens written", of: (usage) => usage.completion_tokens, said: count },
  { name: "Time in models", of: (usage) => usage.seconds, said: duration },
  { name: "Cost", of: (usage) => usage.cost, said: money },
];

/** @param {{sides: [Side, Side]}} properties */
export function Summary({ sides }) {
  const questions = sides.map(({ record }) => shortened(record.task, 300));
  return html`<table class="summary">
    <thead>
      <tr>
        <td></td>
        ${sides.map(({ record, letter }) => html`<th key=${letter} scope="col">
          <${Letter} letter=${letter} /> <a href=${link(["runs", record.id])}>${record.id}</a>
        </th>`)}
        <td></td>
      </tr>
    </thead>
    <tbody>
      ${questions[0] !== questions[1] && html`<${Line} name="Question" values=${questions} />`}
      <${Line} name="Answer" kind="weighty" values=${sides.map(answerOf)} />
      <${Line} name="Protocol" values=${sides.map(({ record }) => record.protocol)} />
      <${Line} name="Seed" values=${sides.map(({ record }) => String(record.seed))} />
      ${MEASURES.map((measure) => html`<${Measured} key=${measure.name} measure=${measure} sides=${sides} />`)}
    </tbody>
  </table>`;
}

/** @param {{name: string, values: string[], kind?: string}} properties */
function Line({ name, values, kind = "" }) {
  const differ = values[0] !== values[1];
  return html`<tr>
    <th scope="row">${name}</th>
    ${values.map((value, place) => html`<td key=${place} class=${kind}>${value}</td>`)}
    <td class=${differ ? "differ" : "soft"}>
      <span aria-hidden="true">${differ ? "≠" : "="}</span>
      <span class="unseen">${differ ? "different" : "the same"}</span>
    </td>
  </tr>`;
}

/** @param {{measure: Measure, sides: [Side, Side]}} properties */
function Measured({ measure, sides }) {
  const values = sides.map(({ state }) => measure.of(state.usage.value));
  const [a = 0, b = 0] = values;
  const most = Math.max(a, b);
  if (measure.name === "Cost" && most === 0) return null;
  return html`<tr>
    <th scope="row">${measure.name}</th>
    ${values.map((value, place) => html`<td key=${place}>
      ${measure.said(value)}
      <span class=${`amount ${place === 0 ? "first" : "second"}`} aria-hidden="true">
        <span style=${{ width: `${most === 0 ? 0 : (value / most) * 100}%` }}></span>
      </span>
    </td>`)}
    <td class="soft">${ratio(a, b)}</td>
  </tr>`;
}

/** How many times more one of them used. @param {number} a @param {number} b */
function ratio(a, b) {
  if (a === b) return "=";
  if (a === 0 || b === 0) return "";
  return b > a ? `B × ${(b / a).toPrecision(2)}` : `A × ${(a / b).toPrecision(2)}`;
}

/** @param {Side} side */
function answerOf({ state, record }) {
  const answer = state.ended.value?.answer ?? record.answer;
  return answer === null ? STATUSES[state.status.value].word : shortened(answer, 400);
}
