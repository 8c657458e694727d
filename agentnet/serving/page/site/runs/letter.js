/** The letters of two runs that are compared. */

import { html } from "../ui/preact.js";

/** @param {{letter: "A" | "B"}} properties */
export function Letter({ letter }) {
  return html`<span class=${`letter ${letter === "A" ? "first" : "second"}`}>${letter}</span>`;
}
