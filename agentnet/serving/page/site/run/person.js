/** The turn of a person who takes part: what they are asked, and where they answer. */

import { html, useState } from "../ui/preact.js";
import { Agent, Failure } from "../ui/elements.js";
import { post } from "../api.js";
import { DRAFTS } from "../session.js";

/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./state.js").Question} Question */

/** @param {{state: RunState}} properties */
export function PersonTurn({ state }) {
  const question = state.question.value;
  return question === null ? null : html`<${Form} key=${question.message} question=${question} state=${state} />`;
}

/** @param {{question: Question, state: RunState}} properties */
function Form({ question, state }) {
  const key = `${DRAFTS}${question.message}`;
  const [words, setWords] = useState(localStorage.getItem(key) ?? "");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {InputEvent} event */
  function typed(event) {
    const { value } = /** @type {HTMLTextAreaElement} */ (event.target);
    localStorage.setItem(key, value);
    setWords(value);
  }

  /** @param {string} answer */
  async function send(answer) {
    setBusy(true);
    setProblem("");
    try {
      await post(`/api/runs/${encodeURIComponent(state.id)}/answer`, { words: answer });
      localStorage.removeItem(key);
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    if (words.trim() !== "") send(words);
  }

  const field = `words-${question.message}`;
  const hasChoices = question.choices.length > 0;
  /** @param {string} choice */
  const choose = (choice) => send(words.trim() === "" ? choice : `${choice} ${words}`);
  const asked = hasChoices ? "Why (optional)" : "Your answer";
  return html`<form id="your-turn" class="person" aria-label="Your turn" onSubmit=${submit}>
    <h2>Your turn, <${Agent} name=${question.agent} members=${state.members.value} /></h2>
    <p class="person-asked">${question.text}</p>
    <label for=${field}>${asked}</label>
    <textarea id=${field} rows="3" value=${words} onInput=${typed}></textarea>
    <div class="person-send">
      ${question.choices.map((choice) => html`<button key=${choice} type="button" class="primary" disabled=${busy}
        onClick=${() => choose(choice)}>${choice}</button>`)}
      ${!hasChoices && html`<button type="submit" class="primary" disabled=${busy || words.trim() === ""}>
        Answer
      </button>`}
      <span class="soft">The run waits; what you type is kept in this browser.</span>
    </div>
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  </form>`;
}
