/** The links between members, and the dots that run along those which a message has just made. */

import { html, useEffect, useRef, useSignal } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { shade } from "../ui/theme.js";
import { bendOf, pathOf } from "./places.js";
import { JUDGEMENTS } from "./relations.js";

/** @typedef {import("./relations.js").Link} Link */
/** @typedef {import("./places.js").Ring} Ring */

const MOST_DOTS = 24;
const RUN = 700;
const SMALLEST = 8;
const MARGIN = 6;

/**
 * `moved` are the links along which something has gone since the last time.
 * @param {{
 *   ring: Ring, links: readonly Link[], moved: readonly Link[], fresh: readonly Link[], members: readonly string[],
 *   pointed: import("../ui/preact.js").Signal<string | null>,
 * }} properties
 */
export function Links({ ring, links, moved, fresh, members, pointed }) {
  const canvas = useRef(/** @type {HTMLElement | null} */ (null));
  const drawing = useSignal(/** @type {ReturnType<typeof import("./drawing.js").drawingIn> | null} */ (null));
  const seen = useSeen(canvas);
  useEffect(() => {
    let isGone = false;
    import("./drawing.js").then(({ drawingIn }) => {
      if (isGone || canvas.current === null) return;
      drawing.value = drawingIn(canvas.current);
      drawing.value.onPointed((link) => (pointed.value = link));
    });
    return () => {
      isGone = true;
      drawing.value?.end();
    };
  }, []);
  useEffect(() => drawing.value?.dress(), [drawing.value, shade.value]);
  useEffect(() => {
    if (!seen || drawing.value === null) return;
    const centre = canvas.current?.parentElement?.querySelector(".graph-centre");
    const [width, height] = [centre?.clientWidth ?? SMALLEST, centre?.clientHeight ?? SMALLEST];
    const size = { width: width + MARGIN, height: height + MARGIN };
    drawing.value.show(ring, links, new Set(fresh), (name) => colourOf(name, members), size);
  });
  useEffect(() => {
    const field = canvas.current;
    if (!seen || field === null) return;
    for (const link of moved.slice(0, MOST_DOTS)) run(field, ring, link, colourOf(link.from, members));
  }, [moved]);
  return html`<div class="graph-links" ref=${canvas} aria-hidden="true"></div>`;
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
  dot.className = "graph-dot";
  if (colour !== null) dot.style.setProperty("--agent", colour);
  dot.classList.add(link.kind);
  dot.style.offsetPath = pathOf(from, to, bendOf(ring, from, to, JUDGEMENTS.includes(link.kind)));
  field.append(dot);
  const course = [{ offsetDistance: "8%" }, { offsetDistance: "92%" }];
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
