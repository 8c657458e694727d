/** The list of runs: read page by page, and kept up to date while it is seen. */

import { useEffect, useRef, useState } from "../ui/preact.js";
import { Refused, get } from "../api.js";

/** @typedef {import("../run/state.js").Status} Status */
/**
 * @typedef {object} Summary `RunSummary` of the API
 * @property {string} id
 * @property {string} task
 * @property {string | null} label
 * @property {string} protocol
 * @property {Status} status
 * @property {string | null} answer
 * @property {string} detail
 * @property {string} created
 * @property {string} updated
 * @property {string | null} surface
 * @property {string | null} caller
 * @property {{run: string, message: string, copied: number} | null} forked_from what it began with
 * @property {boolean | null} outcome whether a user said that its answer was right
 * @property {import("../run/state.js").Usage} usage
 */
/** @typedef {{runs: Summary[], next: string | null}} Page */

const AT_A_TIME = 30;
const WHILE_RUNNING = 2_000;
const OTHERWISE = 15_000;

/**
 * Read the runs that the filters choose. `older` reads the next page.
 * @param {import("./filters.js").Chosen} chosen
 */
export function useRuns(chosen) {
  const search = new URLSearchParams(chosen).toString();
  const [page, setPage] = useState(/** @type {Page & {search: string} | null} */ (null));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const newest = useRef("");
  newest.current = search;

  /** @param {string | null} cursor */
  const read = async (cursor) => {
    const query = new URLSearchParams({ ...chosen, limit: String(AT_A_TIME), ...(cursor === null ? {} : { cursor }) });
    try {
      const found = /** @type {Page} */ (await get(`/api/runs?${query}`));
      if (newest.current !== search) return;
      setProblem("");
      setPage((old) => {
        if (old === null || old.search !== search) return { ...found, search };
        return { ...(cursor === null ? refreshed(old, found) : continued(old, found)), search };
      });
    } catch (error) {
      if (newest.current === search && error instanceof Refused) setProblem(error.message);
    }
  };
  const shown = page?.search === search ? page : null;
  const active = shown?.runs.some((run) => run.status === "running") ?? false;
  useEffect(() => {
    read(null);
  }, [search]);
  useEffect(() => {
    let isSeen = true;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const later = () => {
      timer = setTimeout(again, active ? WHILE_RUNNING : OTHERWISE);
    };
    const again = async () => {
      if (!document.hidden) await read(null);
      if (isSeen) later();
    };
    later();
    return () => {
      isSeen = false;
      clearTimeout(timer);
    };
  }, [search, active]);
  return {
    page: shown,
    problem,
    busy,
    retry: () => read(null),
    older: async () => {
      setBusy(true);
      await read(shown?.next ?? null);
      setBusy(false);
    },
  };
}

/**
 * The list with its first page as it is now. Of the others, those stay that changed before the ones of that page; none
 * where more runs changed than a page has, since those between are not known.
 * @param {Page} old
 * @param {Page} first
 * @returns {Page}
 */
function refreshed(old, first) {
  const last = first.runs.at(-1);
  const joins = old.runs.some((run) => run.id === last?.id && run.updated === last.updated);
  if (first.next === null || last === undefined || !joins || old.runs.length <= first.runs.length) return first;
  const known = new Set(first.runs.map((run) => run.id));
  const behind = old.runs.filter((run) => !known.has(run.id) && run.updated <= last.updated);
  return { runs: [...first.runs, ...behind], next: old.next };
}

/**
 * @param {Page} old
 * @param {Page} following
 * @returns {Page}
 */
function continued(old, following) {
  const known = new Set(old.runs.map((run) => run.id));
  return { runs: [...old.runs, ...following.runs.filter((run) => !known.has(run.id))], next: following.next };
}
