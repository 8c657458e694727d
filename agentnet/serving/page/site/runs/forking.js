/** The dialog that goes on from a message of a run, with its own protocol or another. */

import { html, useEffect, useRef, useState } from "../ui/preact.js";
import { Failure } from "../ui/elements.js";
import { useSeen } from "../ui/seen.js";
import { Refused, get, post } from "../api.js";
import { go, link } from "../routing.js";
import { shortened } from "./words.js";

/** @typedef {import("../run/state.js").RunState} RunState */
/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("./filters.js").Typed} Typed */
/** @typedef {{name: string, summary: string, calls: string, ready: boolean}} Protocol */

const SAME = "It goes on from there, as if the later messages had not been said.";

/** @param {{state: RunState, message: string, close: () => void}} properties */
export function Forking({ state, message, close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return html`<dialog ref=${dialog} class="forking" aria-labelledby="forking" onClose=${close}>
    <${Form} state=${state} message=${message} cancel=${() => dialog.current?.close()} />
  </dialog>`;
}

/** @param {{state: RunState, message: string, cancel: () => void}} properties */
function Form({ state, message, cancel }) {
  const [chosen, setChosen] = useState(message);
  const [protocol, setProtocol] = useState("");
  const [seed, setSeed] = useState("");
  const [protocols, setProtocols] = useState(/** @type {Protocol[]} */ ([]));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const seen = useSeen();
  useEffect(() => {
    get("/api/protocols").then(
      (found) => setProtocols(found.filter((/** @type {Protocol} */ one) => one.ready)),
      (error) => setProblem(String(error.message)),
    );
  }, []);
  const said = state.entries.value.filter((entry) => entry.message.value !== null);
  const after = said.some((/** @type {Entry} */ entry) => entry.id === chosen) ? chosen : (said.at(-1)?.id ?? "");
  const known = protocols.find((one) => one.name === protocol);

  /** @param {Event} event */
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      const begun = await post(`/api/runs/${encodeURIComponent(state.id)}/fork`, {
        message: after,
        protocol: protocol === "" ? null : protocol,
        seed: seed === "" ? null : Number(seed),
      });
      if (seen.current) go(link(["runs", begun.id]));
    } catch (error) {
      setProblem(error instanceof Refused ? error.message : String(error));
      setBusy(false);
    }
  };
  return html`<form onSubmit=${start}>
    <h2 id="forking">Go on from a message</h2>
    <p class="soft">A new run begins with what was said up to there. This one stays as it is.</p>
    <label for="fork-message">After</label>
    <select id="fork-message" value=${after}
      onChange=${(/** @type {Typed} */ event) => setChosen(event.currentTarget.value)}>
      ${said.map((entry) => html`<option key=${entry.id} value=${entry.id}>${titleOf(entry)}</option>`)}
    </select>
    <label for="fork-protocol">With</label>
    <select id="fork-protocol" value=${protocol}
      onChange=${(/** @type {Typed} */ event) => setProtocol(event.currentTarget.value)}>
      <option value="">the same protocol (${state.protocol.value})</option>
      ${protocols.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}
    </select>
    <p class="forking-about">${known ? `${known.summary} Calls: ${known.calls}.` : SAME}</p>
    <label for="fork-seed">Seed</label>
    <input id="fork-seed" type="number" min="0" step="1" placeholder="another" value=${seed}
      onInput=${(/** @type {Typed} */ event) => setSeed(event.currentTarget.value)} />
    ${problem !== "" && html`<${Failure} message=${problem} />`}
    <div class="actions">
      <button type="submit" class="primary" disabled=${busy || said.length === 0}>
        ${busy ? "Starting…" : "Start the new run"}
      </button>
      <button type="button" onClick=${cancel}>Close</button>
    </div>
  </form>`;
}

/** @param {Entry} entry */
function titleOf(entry) {
  const shown = entry.shown.value;
  const words = shown?.brief.map((part) => part.text).join("") ?? "";
  return shortened(`${(entry.message.value?.sequence ?? 0) + 1}. ${entry.agent}, ${shown?.kind ?? ""}: ${words}`, 90);
}
