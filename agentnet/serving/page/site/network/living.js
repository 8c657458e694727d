/** The network as it is now: its members, its nodes, and what happened, kept up to date while the view is shown. */

import { batch, signal, useEffect } from "../ui/preact.js";
import { get } from "../api.js";

/**
 * @typedef {{label: string, accuracy: number, low: number, high: number, proven: number, questions: number, source:
 *   "measured" | "card" | "trial" | "claim"}} Ability
 */
/**
 * @typedef {{name: "floor" | "expulsion" | "drift", label: string | null, statistic: number, bound: number, right:
 *   number, asked: number, p0: number | null}} Test
 */
/** @typedef {{median: number | null, p95: number | null, count: number}} Timing */
/** @typedef {"probation" | "active" | "expelled"} Standing */
/**
 * @typedef {{node: string, standing: Standing, since: string, why: string, updated: string, canaries: number,
 *   calls: number, failures: number, refusals: number, seconds: Timing, first_token: Timing, speed: Timing, cost:
 *   number, tests: Test[]}} Seat
 */
/**
 * @typedef {{description: string, roles: string[], license: string, parameters: number | null, price: {prompt:
 *   number, completion: number}, measured: Record<string, {seconds: number | null}>}} Card
 */
/**
 * @typedef {{name: string, kind: string, pack: string, card: Card, nodes: string[], joined: boolean, probation:
 *   boolean, standing: Standing | null, abilities: Ability[], seats: Seat[]}} Member
 */
/** @typedef {{members: "joined" | "all" | "none", labels: string[], floor: number, half_life: number}} Rules */
/**
 * @typedef {{name: string, description: string, protocol: string, members: Member[], epoch: number, join: string,
 *   canaries: Rules}} Network
 */
/**
 * @typedef {{running: number, queued: number, slots: number, tokens_per_second: number, free_cells: number | null}}
 *   Load
 */
/**
 * @typedef {{key: string, name: string, url: string, state: string, offers: {name: string, digest: string}[], load:
 *   Load, joined: string, heard: string, left: number, read: number}} Node
 */
/**
 * @typedef {{time: string, about: "node" | "member", node: string, member: string | null, before: string, after:
 *   string, why: string, test: Record<string, string | number>}} Change
 */

/** @typedef {{time: string, member: string, node: string, label: string, right: boolean}} Canary */

/** @type {import("../ui/preact.js").Signal<Network | null>} */
export const network = signal(null);
/** @type {import("../ui/preact.js").Signal<Node[]>} */
export const nodes = signal([]);
/** Newest first. @type {import("../ui/preact.js").Signal<Change[] | null>} */
export const history = signal(null);
/** Oldest first. @type {import("../ui/preact.js").Signal<Canary[]>} */
export const canaries = signal([]);
/** @type {import("../ui/preact.js").Signal<string>} */
export const failure = signal("");
/** Whether changes arrive by themselves now. */
export const connected = signal(false);
/** What changed last, in words for screen readers. */
export const news = signal("");

/** Milliseconds between two looks: those of a large network are longer. */
const LOOK = 4000;
const LOOK_NODE = 15;

/** Keep the signals above up to date as long as the component is shown. */
export function useLiving() {
  useEffect(() => {
    const ended = new AbortController();
    const refresh = coalesced(() => read(ended.signal));
    refresh();
    let source = listen(refresh);
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const look = () => {
      if (document.hidden) {
        source.close(); // a browser has six connections to a server, for all of its tabs
        return;
      }
      if (source.readyState === EventSource.CLOSED) source = listen(refresh); // the server refused it, or it was hidden
      void refresh();
    };
    const later = () => {
      timer = setTimeout(() => {
        look();
        later();
      }, LOOK + LOOK_NODE * nodes.value.length);
    };
    later();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      clearTimeout(timer);
      source.close();
      ended.abort();
      connected.value = false;
    };
  }, []);
}

/**
 * Follow the changes of nodes.
 * @param {() => void} refresh
 */
function listen(refresh) {
  const source = new EventSource("/api/network/events");
  source.addEventListener("open", () => (connected.value = true));
  source.addEventListener("error", () => (connected.value = false));
  source.addEventListener("node", (event) => {
    const change = JSON.parse(event.data);
    news.value = `${change.member ?? change.node} is ${change.after}`;
    refresh();
  });
  return source;
}

/** Read everything again, after a failure. */
export function retry() {
  failure.value = "";
  return read(new AbortController().signal);
}

/** @param {AbortSignal} ended */
async function read(ended) {
  try {
    const options = { signal: ended };
    const [found, serving, past, asked] = await Promise.all([
      get("/api/network", options),
      get("/api/network/nodes", options),
      get("/api/network/history?limit=200", options),
      get("/api/network/canaries?limit=200", options),
    ]);
    const time = performance.now();
    batch(() => {
      network.value = found;
      nodes.value = serving.map((/** @type {Node} */ node) => ({ ...node, read: time }));
      history.value = past;
      canaries.value = asked;
      failure.value = "";
    });
  } catch (error) {
    if (!ended.aborted) failure.value = error instanceof Error ? error.message : String(error);
  }
}

/**
 * Return a function that does the work at once, and once more if it was wanted again meanwhile.
 * @param {() => Promise<void>} work
 */
function coalesced(work) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    await work();
    busy = false;
    if (again) {
      again = false;
      void run();
    }
  };
}
