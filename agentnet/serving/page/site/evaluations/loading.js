/** What a view reads from the gateway, once or again and again. */

import { get } from "../api.js";
import { useEffect, useState } from "../ui/preact.js";

/** @typedef {{path: string, data: any, error: Error | null}} Found */

/** A page in the background asks this many times less often. */
const HIDDEN = 10;

/**
 * Read a path, and read it again every so many milliseconds.
 * @param {string} path
 * @param {number} [every] 0: once
 * @returns {{data: any, error: Error | null, reload: () => void}} what was read last stays until the path is another
 */
export function useLoaded(path, every = 0) {
  const [found, setFound] = useState(/** @type {Found} */ ({ path, data: null, error: null }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const load = async () => {
      try {
        const data = await get(path, { signal: left.signal });
        if (!left.signal.aborted) setFound({ path, data, error: null });
      } catch (error) {
        if (left.signal.aborted) return;
        const failed = /** @type {Error} */ (error);
        setFound((known) => ({ path, data: known.path === path ? known.data : null, error: failed }));
      }
      if (every > 0 && !left.signal.aborted) timer = setTimeout(load, document.hidden ? HIDDEN * every : every);
    };
    void load();
    return () => {
      left.abort();
      clearTimeout(timer);
    };
  }, [path, every, turn]);
  const fresh = found.path === path;
  const reload = () => setTurn((known) => known + 1);
  return fresh ? { data: found.data, error: found.error, reload } : { data: null, error: null, reload };
}
