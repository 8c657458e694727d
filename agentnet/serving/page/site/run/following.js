/** Follows a run over the network: what was said, then what happens, up to its end. */

import { signal, useLayoutEffect, useMemo } from "../ui/preact.js";
import { Refused, get } from "../api.js";
import { RunState } from "./state.js";

/** @typedef {import("./state.js").RunEvent} RunEvent */
/** @typedef {"connecting" | "live" | "unseen" | "lost" | "over"} Connection `unseen`: not followed in a hidden tab */
/**
 * @typedef {object} Following
 * @property {import("../ui/preact.js").Signal<Connection>} connection
 * @property {import("../ui/preact.js").Signal<string>} problem why it cannot be followed
 * @property {() => void} again follow once more, at once: a run that goes on, or one whose connection is lost
 * @property {() => void} stop
 */

const KINDS = ["run-started", "turn-started", "text", "tokens", "message", "input-requested", "run-ended"];
const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 5000;
/** Times that a run is looked for again which was interrupted while it was watched: the next server continues it. */
const LOOKS = 5;
/** Turns that are taken in within a frame at most, so that a long run that is opened does not hold up the page. */
const MOST_TURNS = 8;
/** Milliseconds between two frames: with more, half as many turns are taken in within the next; with less, one more. */
const SMOOTH = 40;

/**
 * Follow a run into its state until it is over. What arrives within a frame is taken in together. A hidden tab follows
 * nothing, since a browser has six connections to a server for all of its tabs; it catches up when it is seen again.
 * @param {RunState} state
 * @returns {Following}
 */
function follow(state) {
  const connection = signal(/** @type {Connection} */ ("connecting"));
  const problem = signal("");
  /** @type {EventSource | null} */
  let source = null;
  /** @type {RunEvent[]} */
  let arrived = [];
  let frame = 0;
  let timer = 0;
  let wait = SHORTEST_WAIT;
  let looks = 0;
  let turns = MOST_TURNS / 2;
  let before = 0;

  /** @param {Connection} how */
  function close(how) {
    source?.close();
    source = null;
    clearTimeout(timer);
    connection.value = how;
  }

  /** @param {number} now the frame's time */
  function takeIn(now) {
    if (before > 0) turns = now - before > SMOOTH ? Math.ceil(turns / 2) : Math.min(MOST_TURNS, turns + 1);
    const count = partOf(arrived, turns);
    state.apply(arrived.slice(0, count));
    arrived = arrived.slice(count);
    before = arrived.length === 0 ? 0 : now;
    frame = arrived.length === 0 ? 0 : requestAnimationFrame(takeIn);
  }

  /** @param {MessageEvent} told */
  function heard(told) {
    const event = /** @type {RunEvent} */ (JSON.parse(told.data));
    arrived.push(event);
    if (event.kind === "turn-started" || event.kind === "text") {
      wait = SHORTEST_WAIT;
      looks = LOOKS;
    }
    if (frame === 0) frame = requestAnimationFrame(takeIn);
    if (event.kind === "run-ended") {
      close("over");
      if (event.status === "interrupted" && looks > 0) later();
    }
  }

  function connect() {
    if (document.hidden) {
      connection.value = "unseen";
      return;
    }
    let isRefused = true;
    source = new EventSource(`/api/runs/${encodeURIComponent(state.id)}/events?described=true&after=${state.last}`);
    for (const kind of KINDS) source.addEventListener(kind, heard);
    source.addEventListener("open", () => {
      isRefused = false;
      connection.value = "live";
    });
    source.addEventListener("error", (told) => {
      if (told instanceof MessageEvent) {
        problem.value = JSON.parse(told.data).error.message;
        close("over");
        return;
      }
      close("lost");
      looks = LOOKS;
      later();
      if (isRefused) explain();
    });
  }

  /** An event source does not say why it was refused: the run's own address does. */
  async function explain() {
    try {
      await get(`/api/runs/${encodeURIComponent(state.id)}`);
    } catch (error) {
      if (!(error instanceof Refused) || error.status < 400 || error.status >= 500) return;
      if (error.status === 401) return; // the page asks to sign in, and what follows is followed then
      problem.value = error.message;
      close("over");
    }
  }

  function later() {
    looks -= 1;
    timer = setTimeout(connect, wait);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }

  function sight() {
    if (document.hidden && source !== null) close("unseen");
    else if (!document.hidden && connection.value === "unseen") connect();
  }

  document.addEventListener("visibilitychange", sight);
  connect();
  return {
    connection,
    problem,
    again() {
      close("connecting");
      problem.value = "";
      wait = SHORTEST_WAIT;
      connect();
    },
    stop() {
      document.removeEventListener("visibilitychange", sight);
      cancelAnimationFrame(frame);
      close("over");
    },
  };
}

/**
 * Follow a run while a component is shown.
 * @param {string} id
 */
export function useRun(id) {
  const found = useMemo(() => {
    const state = new RunState(id);
    return { state, following: follow(state) };
  }, [id]);
  useLayoutEffect(() => found.following.stop, [found]); // `useEffect` would never run in a view that is left at once
  return found;
}

/**
 * Return how many events are taken in within a frame.
 * @param {readonly RunEvent[]} events
 * @param {number} most turns that they begin or end
 */
function partOf(events, most) {
  let turns = 0;
  const end = events.findIndex(({ kind }) => (kind === "message" || kind === "turn-started") && ++turns > most);
  return end === -1 ? events.length : end;
}
