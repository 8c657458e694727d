/** Starts the page. */

import { html, render } from "./ui/preact.js";
import { Shell } from "./shell.js";

const root = document.getElementById("page");
if (root !== null) {
  root.replaceChildren();
  render(html`<${Shell} />`, root);
}
