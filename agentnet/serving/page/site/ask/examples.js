/** Questions that show what a network can do: each fills in the form. */

import { html } from "../ui/preact.js";

/** @typedef {import("./ways.js").Way} Way */

const EXAMPLES = [
  {
    protocol: "debate",
    question: "Tom is taller than Ann. Ann is taller than Max. Is Tom the tallest of the three?",
    lesson: "Three answer, read each other, and may change their minds",
  },
  {
    protocol: "delegation",
    question: "What is the atomic number of oxygen times the number of letters in the capital of Peru?",
    lesson: "A planner splits the question; specialists take the steps",
  },
  {
    protocol: "verification",
    question: "What is 118 * 12?",
    lesson: "One answers, a critic checks, and may send it back",
  },
  {
    protocol: "vote",
    question: "What is the capital of France?",
    lesson: "All answer for themselves; the majority wins",
  },
  {
    protocol: "byte-fusion",
    question: "What is 347 + 285?",
    lesson: "Three models write one answer together, byte by byte",
  },
  {
    protocol: "auto",
    question: "How many letters are in Lima?",
    lesson: "The network decides who is asked, by what was measured",
  },
];

/**
 * @param {{ways: readonly Way[], onChoose: (question: string, protocol: string) => void}} properties
 */
export function Examples({ ways, onChoose }) {
  const ready = new Set(ways.filter((way) => way.problem === "").map((way) => way.value));
  const possible = EXAMPLES.filter((example) => ready.has(example.protocol));
  if (possible.length === 0) return null;
  return html`<section class="examples" aria-labelledby="examples-title">
    <h2 id="examples-title">Try one</h2>
    <ul>
      ${possible.map((example) => html`<li key=${example.protocol}>
        <button type="button" class="example" onClick=${() => onChoose(example.question, example.protocol)}>
          <span class="example-way">${example.protocol}</span>
          <span class="example-question">${example.question}</span>
          <span class="example-lesson">${example.lesson}</span>
        </button>
      </li>`)}
    </ul>
  </section>`;
}
