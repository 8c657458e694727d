/** Evaluations: those of this server, one of them, its whole report, and the reports that were recorded before. */

import { html } from "../ui/preact.js";
import { EvaluationPage } from "../evaluations/evaluation.js";
import { EvaluationList } from "../evaluations/list.js";
import { EvaluationReport, RecordedReport } from "../evaluations/report.js";

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const [id, part] = route.rest;
  if (id === undefined) return html`<${EvaluationList} />`;
  if (id === "recorded" && part !== undefined) return html`<${RecordedReport} key=${part} name=${part} />`;
  if (part === "report") return html`<${EvaluationReport} key=${id} id=${id} />`;
  return html`<${EvaluationPage} key=${id} id=${id} dataset=${route.query.get("dataset")} />`;
}
