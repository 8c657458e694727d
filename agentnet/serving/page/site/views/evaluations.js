/** A view of the page. */

import { html } from "../ui/preact.js";
import { Empty } from "../ui/elements.js";

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  return html`<${Empty} title=${route.view} />`;
}
