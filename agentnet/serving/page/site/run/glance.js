/** A run at a glance, while its answer is out of sight: who is at work, or what the answer is. */

import { html, useEffect, useRef, useState } from "../ui/preact.js";
import { Now } from "./answer.js";

/** @typedef {import("./state.js").RunState} RunState */

/**
 * @param {{state: RunState, children: any}} properties `children`: what it stands for
 */
export function Glance({ state, children }) {
  const place = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const [isSeen, setSeen] = useState(true);
  const wasWatched = useRef(false);
  useEffect(() => {
    const watching = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting ?? true));
    if (place.current !== null) watching.observe(place.current);
    return () => watching.disconnect();
  }, []);
  const answer = state.ended.value?.answer ?? null;
  const isOver = state.ended.value !== null;
  if (!isOver && state.protocol.value !== "") wasWatched.current = true;
  const show = () => place.current?.scrollIntoView({ block: "start", behavior: "smooth" });
  const end = answer === null
    ? state.status.value
    : html`<span class="soft">Answer</span> <b class="glance-answer">${answer}</b>`;
  return html`<div ref=${place} class="glanced">${children}</div>
    ${!isSeen && wasWatched.current && html`<div class="glance">
      ${isOver ? html`<p class="now">${end}</p>` : html`<${Now} state=${state} />`}
      <button type="button" onClick=${show}>Show</button>
    </div>`}`;
}
