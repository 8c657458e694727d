/** Copies a text. Browsers allow that on this machine and by https only: elsewhere there is no button. */

import { html, useEffect, useState } from "./preact.js";

/** Milliseconds for which a button says what came of it. */
const SAID = 2000;

/** @param {{text: string, what: string}} properties `what` names the text for those who hear the page */
export function CopyButton({ text, what }) {
  const [outcome, setOutcome] = useState("");
  useEffect(() => {
    if (outcome === "") return undefined;
    const timer = setTimeout(() => setOutcome(""), SAID);
    return () => clearTimeout(timer);
  }, [outcome]);
  if (!isSecureContext) return null;
  const copy = () => navigator.clipboard.writeText(text).then(
    () => setOutcome("Copied"),
    () => setOutcome("Not allowed"),
  );
  return html`<button type="button" aria-label=${outcome === "" ? `Copy ${what}` : outcome} onClick=${copy}>
    ${outcome === "" ? "Copy" : outcome}
  </button>`;
}
