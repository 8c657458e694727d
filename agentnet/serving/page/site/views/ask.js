/** Asking the network, and watching it answer. */

import { html } from "../ui/preact.js";
import { useRun } from "../run/following.js";
import { RunView } from "../run/view.js";
import { Form } from "../ask/form.js";

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const runs = route.rest;
  if (runs.length === 0) return html`<${Form} query=${route.query} />`;
  return runs.map((id) => html`<${Watched} key=${id} id=${id} />`);
}

/** @param {{id: string}} properties */
function Watched({ id }) {
  const { state, following } = useRun(id);
  return html`<${RunView} state=${state} following=${following} />`;
}
