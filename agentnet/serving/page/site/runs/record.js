/** The record of a run: what was asked of it, beside what was said. */

import { useEffect, useState } from "../ui/preact.js";
import { Refused, get } from "../api.js";

/**
 * @typedef {object} Asked
 * @property {string} network
 * @property {string[]} members
 * @property {number} seed
 * @property {any} expression
 * @property {Record<string, any>} limits
 */
/** @typedef {import("./listing.js").Summary & Asked} Run `Run` of the API */

/**
 * Read the record of a run; once more when it ends.
 * @param {string} id
 * @param {import("../run/state.js").RunState} [state]
 */
export function useRecord(id, state) {
  const [record, setRecord] = useState(/** @type {Run | null} */ (null));
  const [problem, setProblem] = useState("");
  const ended = state?.ended.value;
  useEffect(() => {
    const leaving = new AbortController();
    get(`/api/runs/${encodeURIComponent(id)}`, { signal: leaving.signal }).then(
      (run) => {
        setProblem("");
        setRecord(run);
      },
      (error) => {
        if (error instanceof Refused) setProblem(error.message);
      },
    );
    return () => leaving.abort();
  }, [id, ended]);
  return { record: record?.id === id ? record : null, problem };
}
