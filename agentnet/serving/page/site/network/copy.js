/** A line to be copied. */

import { html, useSignal } from "../ui/preact.js";

/** @param {{text: string, what: string}} properties */
export function Copy({ text, what }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text).then(
      () => (copied.value = true),
      () => (copied.value = false),
    );
    setTimeout(() => (copied.value = false), 2000);
  };
  return html`<p class="copy">
    <code>${text}</code>
    <button type="button" onClick=${copy} aria-label=${`Copy ${what}`}>${copied.value ? "Copied" : "Copy"}</button>
  </p>`;
}
