/** The links between members, and the dots that run along those along which something has just gone. */

import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { shade } from "../ui/theme.js";
import { drawingOn } from "./drawing.js";
import { bendOf, pointsOf } from "./places.js";
import { JUDGEMENTS } from "./relations.js";

/** @typedef {import("./relations.js").Link} Link */
/** @typedef {import("./places.js").Ring} Ring */

/** Dots that run at the same time: more are no picture of anything. */
const MOST_DOTS = 8;
const POINTS = 9;
const RUN = 700;
const SMALLEST = 8;
const MARGIN = 6;

/**
 * `moved` are the links along which something has gone since the last time, and `middle` is what stands in the middle:
 * where it changes, its size does. `pointed` gets the id of the link under the pointer.
 * @param {{
 *   ring: Ring, links: readonly Link[], moved: readonly Link[], fresh: readonly Link[], members: readonly string[],
 *   middle: string, pointed: import("../ui/preact.js").Signal<string | null>,
 * }} properties
 */
export function Links({ ring, links, moved, fresh, members, middle, pointed }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const drawing = useRef(/** @type {ReturnType<typeof drawingOn> | null} */ (null));
  const size = useRef({ width: SMALLEST, height: SMALLEST });
  const seen = useSeen(canvas);
  const tone = shade.value;
  useLayoutEffect(() => {
    if (canvas.current !== null) drawing.current = drawingOn(canvas.current);
  }, []);
  useEffect(() => drawing.current?.dress(), [tone]);
  useEffect(() => {
    const centre = canvas.current?.parentElement?.querySelector(".graph-centre");
    const [width, height] = [centre?.clientWidth ?? SMALLEST, centre?.clientHeight ?? SMALLEST];
    size.current = { width: width + MARGIN, height: height + MARGIN };
  }, [middle]);
  useEffect(() => {
    if (seen) drawing.current?.show(ring, links, new Set(fresh), (name) => colourOf(name, members), size.current);
  }, [seen, tone, ring, links, fresh, members]);
  useEffect(() => {
    const field = canvas.current?.parentElement;
    if (!seen || !field) return;
    const room = MOST_DOTS - field.getElementsByClassName("graph-dot").length;
    for (const link of moved.slice(0, Math.max(0, room))) run(field, ring, link, colourOf(link.from, members));
  }, [moved]);
  return html`<canvas
    class="graph-links"
    ref=${canvas}
    aria-hidden="true"
    onPointerMove=${(/** @type {PointerEvent} */ event) =>
      (pointed.value = drawing.current?.at({ x: event.offsetX, y: event.offsetY }) ?? null)}
    onPointerLeave=${() => (pointed.value = null)}
  ></canvas>`;
}

/**
 * Let a dot run along a link, once.
 * @param {HTMLElement} field
 * @param {Ring} ring
 * @param {Link} link
 * @param {string | null} colour
 */
function run(field, ring, link, colour) {
  const [from, to] = [ring.places.get(link.from), ring.places.get(link.to)];
  if (from === undefined || to === undefined || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const dot = document.createElement("span");
  dot.className = `graph-dot ${link.kind}`;
  if (colour !== null) dot.style.setProperty("--agent", colour);
  const bend = bendOf(ring, from, to, JUDGEMENTS.includes(link.kind));
  const course = pointsOf(from, to, bend, POINTS).map(({ x, y }) => ({ transform: `translate(${x}px, ${y}px)` }));
  field.append(dot);
  const motion = dot.animate(course, { duration: RUN, easing: "ease-in-out" });
  motion.finished.catch(() => undefined).then(() => dot.remove());
}

/**
 * Whether an element is on the screen: what nobody sees is not drawn.
 * @param {{current: HTMLElement | null}} reference
 */
function useSeen(reference) {
  const seen = useSignal(false);
  useEffect(() => {
    if (reference.current === null) return undefined;
    const observer = new IntersectionObserver((changes) => (seen.value = changes.at(-1)?.isIntersecting ?? false));
    observer.observe(reference.current);
    return () => observer.disconnect();
  }, []);
  return seen.value;
}
