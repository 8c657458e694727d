/** What can be done with a run: cancel it, let it go on, ask again, share it. */

import { html, useState } from "../ui/preact.js";
import { Failure } from "../ui/elements.js";
import { post } from "../api.js";
import { link } from "../routing.js";

/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./following.js").Following} Following */

/**
 * @param {{state: RunState, following: Following, question: string, children?: any}} properties `question`: what is
 *   asked again
 */
export function Controls({ state, following, question, children }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const status = state.status.value;

  /** @param {"cancel" | "resume"} what @param {object} [body] */
  async function change(what, body) {
    setBusy(true);
    setProblem("");
    try {
      await post(`/api/runs/${encodeURIComponent(state.id)}/${what}`, body);
      if (what === "resume") following.again();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
    setBusy(false);
  }

  const isCut = status === "stopped" || status === "cancelled" || status === "interrupted";
  const isOver = state.ended.value !== null;
  const goesOn = !isOver && state.protocol.value !== "";
  const cancel = () => change("cancel");
  const resume = () => change("resume", status === "stopped" ? { limits: {} } : {});
  return html`<div class="controls">
    ${goesOn && html`<button type="button" disabled=${busy} onClick=${cancel}>Cancel</button>`}
    ${isCut && html`<button type="button" class="primary" disabled=${busy} onClick=${resume}>
      ${status === "stopped" ? "Continue without limits" : "Continue"}</button>`}
    ${children}
    ${isOver && html`<a class="button quiet"
      href=${link(["ask"], { question, protocol: nameOf(state) })}>Ask again</a>`}
    <${CopyLink} address=${link(["runs", state.id])} />
    ${problem !== "" && html`<${Failure} message=${problem} />`}
  </div>`;
}

/**
 * Return the protocol's name, where it can be asked by it.
 * @param {RunState} state
 */
function nameOf(state) {
  return state.protocol.value === "inline" ? undefined : state.protocol.value;
}

/**
 * Copies the address of a part of the page. Browsers allow that on this machine and by https only.
 * @param {{address: string}} properties from `link`
 */
function CopyLink({ address }) {
  const [copied, setCopied] = useState(false);
  if (!isSecureContext) return null;
  async function copy() {
    await navigator.clipboard.writeText(new URL(address, location.href).href);
    setCopied(true);
  }
  return html`<button type="button" class="quiet" onClick=${() => copy().catch(() => setCopied(false))}>
    ${copied ? "Copied" : "Copy link"}
  </button>`;
}
