/** The links of a graph, drawn by Cytoscape.js; the members themselves are elements of the page. */

import cytoscape from "../vendor/cytoscape.js";
import { bendOf } from "./places.js";
import { JUDGEMENTS } from "./relations.js";

/** @typedef {import("./places.js").Ring} Ring */
/** @typedef {import("./relations.js").Link} Link */

const PREFIX = "at ";
const TOKENS = ["--soft", "--accent", "--good", "--bad"];

/**
 * Draw into an element.
 * @param {HTMLElement} container
 */
export function drawingIn(container) {
  const graph = cytoscape({
    container,
    layout: { name: "preset" },
    userZoomingEnabled: false,
    userPanningEnabled: false,
    boxSelectionEnabled: false,
    autoungrabify: true,
    autounselectify: true,
    pixelRatio: Math.min(2, devicePixelRatio),
  });
  /** @type {Ring | null} */
  let placed = null;

  /** @param {Ring} ring */
  function place(ring) {
    graph.resize();
    graph.nodes().filter((node) => !ring.places.has(node.id().slice(PREFIX.length))).remove();
    for (const [name, { x, y }] of ring.places) {
      const id = PREFIX + name;
      const data = { id, width: ring.size + 4, height: ring.size + 4 };
      const found = graph.getElementById(id);
      if (found.empty()) graph.add({ group: "nodes", data, position: { x, y } });
      else found.data(data).position({ x, y });
    }
    placed = ring;
  }

  /**
   * @param {Link} link
   * @param {Ring} ring
   * @param {string | null} colour
   * @param {boolean} isFresh
   */
  function dataOf({ id, from, to, kind, count }, ring, colour, isFresh) {
    const [source, target] = [ring.places.get(from), ring.places.get(to)];
    if (source === undefined || target === undefined) return null;
    const bend = bendOf(ring, source, target, JUDGEMENTS.includes(kind));
    const width = Math.min(6, (ring.isDense ? 0.8 : 1.4) + Math.log2(Math.max(1, count)));
    const data = { id, source: PREFIX + from, target: PREFIX + to, bend: -bend, width };
    const classes = [kind, ring.isDense ? "dense" : "loose", isFresh ? "fresh" : "past"].join(" ");
    return { group: /** @type {const} */ ("edges"), data: colour === null ? data : { ...data, colour }, classes };
  }

  return {
    /**
     * @param {Ring} ring
     * @param {readonly Link[]} links
     * @param {ReadonlySet<Link>} fresh links of the latest message
     * @param {(name: string) => string | null} colour of a member
     * @param {{width: number, height: number}} centre size of what stands in the middle
     */
    show(ring, links, fresh, colour, centre) {
      graph.batch(() => {
        if (ring !== placed) place(ring);
        graph.getElementById(PREFIX).data(centre);
        const kept = new Set(links.map((link) => link.id));
        graph.edges().filter((edge) => !kept.has(edge.id())).remove();
        for (const link of links) {
          const element = dataOf(link, ring, colour(link.from), fresh.has(link));
          if (element === null) continue;
          const found = graph.getElementById(link.id);
          if (found.empty()) graph.add(element);
          else found.data(element.data).classes(element.classes);
        }
      });
    },
    /** Take the colours that the page has now. */
    dress() {
      graph.style(styleOf(container));
    },
    /** @param {(link: string | null) => void} told of the link under the pointer, by its id */
    onPointed(told) {
      graph.on("mouseover", "edge", (event) => told(event.target.id()));
      graph.on("mouseout", "edge", () => told(null));
    },
    end() {
      graph.destroy();
    },
  };
}

/**
 * @param {HTMLElement} container
 * @returns {cytoscape.StylesheetStyle[]}
 */
function styleOf(container) {
  const [soft = "", accent = "", good = "", bad = ""] = TOKENS.map((token) => resolved(container, token));
  return /** @type {cytoscape.StylesheetStyle[]} */ ([
    {
      selector: "node",
      style: { width: "data(width)", height: "data(height)", "background-opacity": 0, events: "no" },
    },
    { selector: `node[id = "${PREFIX}"]`, style: { shape: "round-rectangle" } },
    {
      selector: "edge",
      style: {
        width: "data(width)",
        "line-color": soft,
        "target-arrow-color": soft,
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.9,
        "curve-style": "unbundled-bezier",
        "control-point-distances": "data(bend)",
        "control-point-weights": 0.5,
        opacity: 0.4,
      },
    },
    { selector: "edge[colour]", style: { "line-color": "data(colour)", "target-arrow-color": "data(colour)" } },
    { selector: "edge.assign", style: { "line-style": "dotted" } },
    {
      selector: "edge.vote, edge.grade",
      style: { "line-color": accent, "target-arrow-color": accent, "target-arrow-shape": "vee" },
    },
    {
      selector: "edge.approve",
      style: { "line-color": good, "target-arrow-color": good, "target-arrow-shape": "circle" },
    },
    {
      selector: "edge.disapprove",
      style: { "line-color": bad, "target-arrow-color": bad, "target-arrow-shape": "tee", "line-style": "dashed" },
    },
    { selector: "edge.dense", style: { opacity: 0.22, "arrow-scale": 0.6 } },
    { selector: "edge.vote, edge.approve, edge.disapprove", style: { opacity: 0.9 } },
    { selector: "edge.fresh", style: { opacity: 1 } },
  ]);
}

/**
 * Return a colour token as Cytoscape reads colours: without `light-dark()`.
 * @param {HTMLElement} element
 * @param {string} token
 */
function resolved(element, token) {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
