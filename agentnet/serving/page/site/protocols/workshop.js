/** One protocol: what it is, how it runs, its YAML to change, and what can be done with it. */

import { html, useEffect, useState } from "../ui/preact.js";
import { link } from "../routing.js";
import { CopyButton } from "../ui/copy.js";
import { useCheck } from "./checking.js";
import { Drawing } from "./drawing.js";
import { Editor } from "./editor.js";

const DRAFT = "agentnet.protocol.";

/**
 * @param {object} properties
 * @param {string} properties.name under which the draft is kept
 * @param {string} properties.original the YAML from which it begins
 * @param {unknown} [properties.expression] what is drawn until the first check is there
 * @param {boolean} properties.named whether the original can be asked by its name
 * @param {readonly string[]} properties.members
 */
export function Workshop({ name, original, expression, named, members }) {
  const [text, setText] = useState(() => sessionStorage.getItem(DRAFT + name) ?? original);
  const { checked, busy } = useCheck(text);
  const [drawn, setDrawn] = useState(expression);
  const changed = text !== original;
  useEffect(() => {
    if (checked?.valid) setDrawn(checked.expression);
  }, [checked]);
  useEffect(() => {
    if (changed) sessionStorage.setItem(DRAFT + name, text);
    else sessionStorage.removeItem(DRAFT + name);
  }, [text]);
  const protocol = named && !changed ? name : JSON.stringify(checked?.written);
  const ready = checked?.valid === true && !busy;
  return html`<div class="workshop">
    <section>
      <h2>How it runs</h2>
      ${
        drawn === undefined
          ? html`<p class="soft">Once it can be read, it is drawn here.</p>`
          : html`<${Drawing} expression=${drawn} members=${members} />`
      }
    </section>
    <section>
      <h2>As YAML ${changed && html`<span class="has-changed">changed</span>`}</h2>
      <${Editor} text=${text} wrong=${checked?.line ?? null} onText=${setText} />
      <${Verdict} checked=${checked} busy=${busy} />
      <p class="workshop-actions">
        ${
          ready
            ? html`<a class="button primary" href=${link(["ask"], { protocol })}>Ask with it</a>`
            : html`<button type="button" class="primary" disabled>Ask with it</button>`
        }
        <${CopyButton} text=${text} what="the YAML" />
        ${changed && html`<button type="button" onClick=${() => setText(original)}>Undo the changes</button>`}
      </p>
      <p class="soft">Kept as a file, it also runs with <code>agentnet ask --protocol FILE.yaml</code>.</p>
    </section>
  </div>`;
}

/** @param {{checked: import("./checking.js").Checked | null, busy: boolean}} properties */
function Verdict({ checked, busy }) {
  const at = checked?.line ? `Line ${checked.line}: ` : "";
  return html`<div id="protocol-check"
    class=${`verdict${checked === null || busy ? " is-busy" : checked.valid ? " fine" : " wrong"}`} role="status">
    ${
      checked === null
        ? html`<p>Checking…</p>`
        : checked.valid
          ? html`<p>✓ The network can run it.</p>${checked.notes.map((note) =>
            html`<p key=${note} class="soft">${note}</p>`)}`
          : html`<p>✗ ${at}${checked.problem}</p>`
    }
  </div>`;
}
