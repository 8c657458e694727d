/** What the owner of the network knows of an answer: whether it was right. The members' profiles learn from it. */

import { html, useEffect, useState } from "../ui/preact.js";
import { Failure } from "../ui/elements.js";
import { get, post } from "../api.js";
import { may } from "../session.js";

/**
 * @param {object} properties
 * @param {string} properties.run id of a run with an answer
 * @param {{outcome: boolean | null} | null} [properties.record] of the run, where it is read anyway; null: not yet
 */
export function Outcome({ run, record }) {
  const [told, setTold] = useState(/** @type {boolean | null} */ (null));
  const [problem, setProblem] = useState("");
  const path = `/api/runs/${encodeURIComponent(run)}`;
  const isRead = record !== undefined;
  useEffect(() => {
    if (isRead || !may("admin")) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    get(path, { signal }).then(
      (found) => signal.aborted || setTold((said) => said ?? found.outcome),
      (error) => signal.aborted || setProblem(error.message),
    );
    return () => leaving.abort();
  }, [run, isRead]);

  /** @param {boolean} said */
  async function tell(said) {
    setProblem("");
    try {
      setTold((await post(`${path}/outcome`, { right: said })).right);
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
  }

  if (!may("admin")) return null;
  const right = told ?? record?.outcome ?? null;
  return html`<span class="outcome" role="group" aria-label="Was the answer right?">
    <span class="soft">Was it right?</span>
    ${[true, false].map((said) => html`<button key=${said} type="button" class=${said ? "good" : "bad"}
      aria-pressed=${right === said} onClick=${() => tell(said)}>${said ? "✓ Right" : "✗ Wrong"}</button>`)}
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  </span>`;
}
