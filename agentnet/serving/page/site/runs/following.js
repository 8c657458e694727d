/** A stored or live run: its record, and its state as the events tell it. */

import { useEffect, useMemo, useState } from "../ui/preact.js";
import { Refused, get } from "../api.js";
import { follow } from "../run/following.js";
import { RunState } from "../run/state.js";

/** @typedef {import("./listing.js").Summary & {network: string, members: string[], seed: number, expression: any, limits: Record<string, any>}} Run `Run` of the API */

/**
 * Read a run, and follow it while it is shown. The record is read again when the run ends, or is resumed.
 * @param {string} id
 */
export function useRun(id) {
  const state = useMemo(() => new RunState(id), [id]);
  const [record, setRecord] = useState(/** @type {Run | null} */ (null));
  const [problem, setProblem] = useState("");
  const [begun, setBegun] = useState(0);
  const [following, setFollowing] = useState(/** @type {ReturnType<typeof follow> | null} */ (null));
  const found = record !== null;
  const ended = state.ended.value;
  useEffect(() => {
    const leaving = new AbortController();
    get(`/api/runs/${encodeURIComponent(id)}`, { signal: leaving.signal }).then(
      (run) => (setProblem(""), setRecord(run)),
      (error) => error instanceof Refused && setProblem(error.message),
    );
    return () => leaving.abort();
  }, [id, ended, begun]);
  useEffect(() => {
    if (!found) return;
    const started = follow(state);
    setFollowing(started);
    return () => started.stop();
  }, [state, found, begun]);
  return { state, record, problem, following, again: () => setBegun(begun + 1) };
}
