/** Runs: the history of what was asked, one run in full, played again, and compared with another. */

import { html } from "../ui/preact.js";
import { Comparison } from "../runs/comparison.js";
import { History } from "../runs/history.js";
import { RunPage } from "../runs/page.js";
import { Replay } from "../runs/replay.js";

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const [run, part, message] = route.rest;
  const other = route.query.get("with");
  if (run === undefined) return html`<${History} query=${route.query} />`;
  if (part === "replay") return html`<${Replay} key=${run} id=${run} at=${Number(route.query.get("at"))} />`;
  if (other !== null) {
    return html`<${Comparison} key=${`${run} ${other}`} first=${run} second=${other} query=${route.query} />`;
  }
  const marked = part === "messages" ? message : undefined;
  return html`<${RunPage} key=${run} id=${run} message=${marked} query=${route.query} />`;
}
