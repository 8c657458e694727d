/** The name of a system: a link in the member's colour where it is one member. */

import { html } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { link } from "../routing.js";

/** @param {{name: string, names: readonly string[]}} properties */
export function System({ name, names }) {
  const colour = colourOf(name, names);
  if (colour === null) return html`<b>${name}</b>`;
  return html`<a class="agent" style=${{ "--agent": colour }} href=${link(["network", "members", name])}>${name}</a>`;
}
