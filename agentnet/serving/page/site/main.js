/** Starts the page. */

import { html, render } from "./ui/preact.js";
import { refreshSession } from "./session.js";
import { Shell } from "./shell.js";

void refreshSession();
const root = document.getElementById("page");
if (root !== null) {
  root.replaceChildren();
  render(html`<${Shell} />`, root);
}
