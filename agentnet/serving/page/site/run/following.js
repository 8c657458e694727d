/** Follows a run over the network: what was said, then what happens, up to its end. */

import { signal } from "../ui/preact.js";

/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./state.js").RunEvent} RunEvent */
/** @typedef {"connecting" | "live" | "lost" | "over"} Connection */

const KINDS = ["run-started", "turn-started", "text", "tokens", "message", "input-requested", "run-ended"];
const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/**
 * Follow a run into its state until it is over. What arrives within a frame is taken in together.
 * @param {RunState} state
 * @returns {{connection: import("../ui/preact.js").Signal<Connection>, problem: import("../ui/preact.js").Signal<string>, stop: () => void}}
 */
export function follow(state) {
  const connection = signal(/** @type {Connection} */ ("connecting"));
  const problem = signal("");
  /** @type {EventSource | null} */
  let source = null;
  /** @type {RunEvent[]} */
  let arrived = [];
  let frame = 0;
  let timer = 0;
  let wait = SHORTEST_WAIT;

  /** @param {Connection} how */
  function close(how) {
    source?.close();
    source = null;
    clearTimeout(timer);
    connection.value = how;
  }

  function takeIn() {
    frame = 0;
    const events = arrived;
    arrived = [];
    state.apply(events);
  }

  /** @param {MessageEvent} told */
  function heard(told) {
    const event = /** @type {RunEvent} */ (JSON.parse(told.data));
    arrived.push(event);
    if (event.kind === "run-ended") {
      takeIn();
      close("over");
    } else if (document.hidden) {
      takeIn();
    } else if (frame === 0) {
      frame = requestAnimationFrame(takeIn);
    }
  }

  function connect() {
    source = new EventSource(`/api/runs/${encodeURIComponent(state.id)}/events?described=true&after=${state.last}`);
    for (const kind of KINDS) source.addEventListener(kind, heard);
    source.onopen = () => {
      connection.value = "live";
      wait = SHORTEST_WAIT;
    };
    source.addEventListener("error", (told) => {
      if (told instanceof MessageEvent) {
        problem.value = JSON.parse(told.data).error.message;
        close("over");
        return;
      }
      close("lost");
      timer = setTimeout(connect, wait);
      wait = Math.min(LONGEST_WAIT, wait * 2);
    });
  }

  connect();
  return {
    connection,
    problem,
    stop() {
      cancelAnimationFrame(frame);
      close("over");
    },
  };
}
