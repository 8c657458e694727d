/** What a view reads from the gateway, once or again and again. */

import { get } from "../api.js";
import { useEffect, useState } from "../ui/preact.js";

/** Nobody looks at a page in the background: it asks this many times less often. */
const HIDDEN = 10;

/**
 * Read a path. `every` reads it again after so many milliseconds; null reads nothing.
 * @param {string | null} path
 * @param {number} [every] 0: once
 * @returns {{data: any, error: Error | null, reload: () => void}} what was read last stays until the path is another
 */
export function useLoaded(path, every = 0) {
  const [found, setFound] = useState(/** @type {{path: string | null, data: any, error: Error | null}} */ ({ path, data: null, error: null }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    const left = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const load = async () => {
      try {
        const data = await get(path, { signal: left.signal });
        if (!left.signal.aborted) setFound({ path, data, error: null });
      } catch (error) {
        if (left.signal.aborted) return;
        setFound((known) => ({ path, data: known.path === path ? known.data : null, error: /** @type {Error} */ (error) }));
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
  return { data: fresh ? found.data : null, error: fresh ? found.error : null, reload: () => setTurn((known) => known + 1) };
}
