/** A protocol as YAML, with its line numbers; the line that is wrong is marked. */

import { html, useRef } from "../ui/preact.js";

/**
 * @param {object} properties
 * @param {string} properties.text
 * @param {number | null} properties.wrong the line that is wrong, from 1
 * @param {(text: string) => void} properties.onText
 */
export function Editor({ text, wrong, onText }) {
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const lines = text.split("\n").length;

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const field = area.current;
    if (event.key !== "Enter" || event.isComposing || field === null) return;
    const [line = ""] = field.value.slice(0, field.selectionStart).split("\n").slice(-1);
    const inner = !line.trimEnd().endsWith(":") ? "" : line.trimStart().startsWith("- ") ? "    " : "  ";
    const indent = (/^ */.exec(line)?.[0] ?? "") + inner;
    if (indent === "") return;
    event.preventDefault();
    document.execCommand("insertText", false, `\n${indent}`); // as typed: it can be undone
  }

  return html`<div class="editor">
    <div class="lines" aria-hidden="true">${Array.from(
      { length: lines },
      (_, index) => html`<span key=${index} class=${index + 1 === wrong ? "wrong" : ""}>${index + 1}</span>`,
    )}</div>
    <textarea ref=${area} aria-label="The protocol as YAML" aria-describedby="protocol-check"
      aria-invalid=${wrong !== null} rows=${lines + 1}
      spellcheck=${false} autocomplete="off" autocapitalize="off" wrap="off" value=${text} onKeyDown=${pressed}
      onInput=${() => onText(area.current?.value ?? "")}></textarea>
    ${wrong !== null && html`<div class="wrong-line" aria-hidden="true" style=${{ "--line": wrong - 1 }}></div>`}
  </div>`;
}
