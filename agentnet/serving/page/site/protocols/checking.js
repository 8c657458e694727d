/** Checks a protocol while it is written: against its schema, and against the members of the network. */

import { useEffect, useState } from "../ui/preact.js";
import { post } from "../api.js";

const CHECKED_AFTER = 300;

/** @typedef {{valid: boolean, problem: string | null, line: number | null, name: string | null, written: object | null, expression: unknown, notes: string[]}} Checked */

/**
 * Return what is known of a text: null while it is checked for the first time, and of the text before while it changes.
 * @param {string} text
 * @returns {{checked: Checked | null, busy: boolean}}
 */
export function useCheck(text) {
  const [found, setFound] = useState(/** @type {{text: string, checked: Checked} | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    /** @param {Partial<Checked>} checked */
    const tell = (checked) => setFound({ text, checked: { ...NOTHING, ...checked } });
    const timer = setTimeout(
      () =>
        post("/api/protocols/check", { protocol: text }, { signal: stop.signal }).then(tell, (error) => {
          if (!stop.signal.aborted) tell({ problem: error.message });
        }),
      found === null ? 0 : CHECKED_AFTER,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  return { checked: found?.checked ?? null, busy: found?.text !== text };
}

/** @type {Checked} */
const NOTHING = { valid: false, problem: null, line: null, name: null, written: null, expression: null, notes: [] };
