/** Checks a protocol while it is written: against its schema, and against the members of the network. */

import { useEffect, useState } from "../ui/preact.js";
import { post } from "../api.js";

const CHECKED_AFTER = 300;

/**
 * @typedef {{valid: boolean, problem: string | null, line: number | null, name: string | null, written: object | null,
 *   expression: unknown, notes: string[]}} Checked
 */

/**
 * Return what is known of a protocol, as YAML or an expression: null while it is checked for the first time, and of the
 * one before while it changes.
 * @param {string | object | null} protocol null: none is checked
 * @returns {{checked: Checked | null, busy: boolean}}
 */
export function useCheck(protocol) {
  const [found, setFound] = useState(/** @type {{protocol: unknown, checked: Checked} | null} */ (null));
  useEffect(() => {
    if (protocol === null) return undefined;
    const stop = new AbortController();
    /** @param {Partial<Checked>} checked */
    const tell = (checked) => setFound({ protocol, checked: { ...NOTHING, ...checked } });
    const timer = setTimeout(
      () =>
        post("/api/protocols/check", { protocol }, { signal: stop.signal }).then(tell, (error) => {
          if (!stop.signal.aborted) tell({ problem: error.message });
        }),
      found === null ? 0 : CHECKED_AFTER,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [protocol]);
  return { checked: found?.checked ?? null, busy: found?.protocol !== protocol };
}

/** @type {Checked} */
const NOTHING = { valid: false, problem: null, line: null, name: null, written: null, expression: null, notes: [] };
