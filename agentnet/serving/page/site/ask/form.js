/** Where one asks. */

import { html, useState } from "../ui/preact.js";
import { Failure } from "../ui/elements.js";
import { post } from "../api.js";
import { go, link } from "../routing.js";

/** @param {{query: URLSearchParams}} properties */
export function Form({ query }) {
  const [question, setQuestion] = useState(query.get("question") ?? "");
  const [problem, setProblem] = useState("");
  /** @param {Event} event */
  async function ask(event) {
    event.preventDefault();
    try {
      const { id } = await post("/api/runs", { question, protocol: query.get("protocol") ?? "auto" });
      go(link(["ask", id]));
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
  }
  return html`<form class="ask-form" onSubmit=${ask}>
    <label for="question">Question</label>
    <textarea id="question" rows="3" value=${question} onInput=${(/** @type {InputEvent} */ event) => setQuestion(/** @type {HTMLTextAreaElement} */ (event.target).value)}></textarea>
    <button type="submit" class="primary" disabled=${question.trim() === ""}>Ask</button>
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  </form>`;
}
