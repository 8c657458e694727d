/** Where one asks: the question, how the network is to answer it, and within which limits. */

import { html, signal, useEffect, useRef, useState } from "../ui/preact.js";
import { Agent, Failure } from "../ui/elements.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { get, post } from "../api.js";
import { Ways, wayOf, waysOf } from "./ways.js";

/** @typedef {import("./ways.js").Way} Way */
/** @typedef {import("./ways.js").Network} Network */
/** @typedef {{question: string, protocol: string, label: string, seed: string, calls: string, seconds: string}} Draft */
/** @typedef {{role: "user" | "assistant", content: string}} Utterance */

/** @type {Draft} */
const EMPTY = { question: "", protocol: "", label: "", seed: "", calls: "", seconds: "" };
/** What is typed is kept while other views are looked at. */
export const draft = signal(EMPTY);
/** What can be asked, as the server said last. */
export const offered = signal(/** @type {{network: Network, ways: Way[]} | null} */ (null));

/** Ask the server who can be asked, and how. */
async function look() {
  const [network, protocols] = await Promise.all([get("/api/network"), get("/api/protocols")]);
  offered.value = { network, ways: waysOf(protocols, network) };
}

/**
 * @param {{before?: Utterance[], usual?: string, onAsked: (run: string) => void, autofocus?: boolean}} properties `before`: the
 *   turns of the conversation that the question goes on with; `usual`: the protocol of those who choose none
 */
export function Form({ before = [], usual, onAsked, autofocus = false }) {
  const [problem, setProblem] = useState("");
  const [unreachable, setUnreachable] = useState("");
  const [busy, setBusy] = useState(false);
  const field = /** @type {{current: HTMLTextAreaElement | null}} */ (useRef(null));
  useEffect(() => {
    look().catch((error) => setUnreachable(error.message));
    if (autofocus) field.current?.focus();
  }, []);
  const values = draft.value;
  const network = offered.value?.network;
  const ways = offered.value?.ways ?? [];
  const members = network?.members.map((member) => member.name) ?? [];
  const chosen = wayOf(ways, values.protocol || usual || network?.protocol || "auto");
  const isReady = values.question.trim() !== "" && !busy && chosen.problem === "";

  /** @param {Event} event */
  async function ask(event) {
    event.preventDefault();
    if (!isReady) return;
    setBusy(true);
    setProblem("");
    try {
      const { id } = await post("/api/runs", asked(values, chosen.value, before));
      draft.value = { ...values, question: "" };
      setBusy(false);
      onAsked(id);
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  }

  useShortcuts("Ask", [{ key: "/", what: "Write a question", run: () => field.current?.focus() }]);

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) ask(event);
  }

  return html`<form class="ask-form" onSubmit=${ask}>
    <label class=${before.length > 0 ? "" : "only-read"} for="question">${before.length > 0 ? "Go on with this conversation" : "Question"}</label>
    <textarea id="question" ref=${field} rows=${before.length > 0 ? 2 : 3} placeholder="Ask a question…" value=${values.question} onKeyDown=${onKey}
      onInput=${(/** @type {InputEvent} */ event) => change("question", event)}></textarea>
    <div class="ask-row">
      <${Chooser} chosen=${chosen} ways=${ways} members=${members} />
      <button type="submit" class="primary ask-send" disabled=${!isReady}>${busy ? "Asking…" : "Ask"}</button>
    </div>
    <${Options} network=${network} />
    ${problem !== "" && html`<${Failure} message=${problem} />`}
    ${unreachable !== "" && html`<${Failure} message=${unreachable} retry=${() => look().then(() => setUnreachable(""), (error) => setUnreachable(error.message))} />`}
  </form>`;
}

/**
 * How the network is to answer: what is chosen, and the list behind it.
 * @param {{chosen: Way, ways: Way[], members: string[]}} properties
 */
function Chooser({ chosen, ways, members }) {
  const [open, setOpen] = useState(false);
  const opener = /** @type {{current: HTMLButtonElement | null}} */ (useRef(null));
  /** @param {string} protocol @param {boolean} done */
  function choose(protocol, done) {
    draft.value = { ...draft.value, protocol };
    if (!done) return;
    setOpen(false);
    opener.current?.focus();
  }
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault();
    setOpen(false);
    opener.current?.focus();
  }
  return html`<button type="button" ref=${opener} class="chooser" aria-expanded=${open} aria-controls="ways" onClick=${() => setOpen(!open)}>
      <span class="only-read">How the network answers: </span><b>${chosen.name}</b><span aria-hidden="true">▾</span>
    </button>
    <p class=${`chosen-way${chosen.problem === "" ? "" : " is-wrong"}`}>${chosen.problem || chosen.summary}
      ${chosen.calls !== "" && html` <span class="chosen-calls">Calls of models: ${chosen.calls}.</span>`}
      ${chosen.members.length > 1 && html` <span>${chosen.members.length > 4 ? `${chosen.members.length} members may take part` : chosen.members.map((name, index) => html`${index > 0 && ", "}<${Agent} key=${name} name=${name} members=${members} />`)}.</span>`}
      ${chosen.people.length > 0 && html` <span>${chosen.people.join(", ")} ${chosen.people.length === 1 ? "is a person and is" : "are persons and are"} asked on this page.</span>`}</p>
    <div id="ways" class="ways-place" hidden=${!open} onKeyDown=${onKey}>
      ${open && html`<${Ways} ways=${ways} value=${chosen.value} members=${members} onChoose=${choose} />`}
    </div>`;
}

/**
 * What need not be said: the kind of the question, the seed, limits.
 * @param {{network: Network | undefined}} properties
 */
function Options({ network }) {
  const labels = new Set(network?.members.flatMap((member) => [...Object.keys(member.card.measured), ...Object.keys(member.card.claims)]).filter((label) => !label.includes(":")));
  const fields = /** @type {const} */ ([
    ["label", "Kind of question", "found by itself", "text"],
    ["calls", "At most calls", "no limit", "number"],
    ["seconds", "At most seconds", "no limit", "number"],
    ["seed", "Seed", "0", "number"],
  ]);
  return html`<details class="options">
    <summary>Options</summary>
    <div class="options-fields">
      ${fields.map(([name, title, placeholder, type]) => html`<div key=${name}>
        <label for=${`option-${name}`}>${title}</label>
        <input id=${`option-${name}`} type=${type} min=${name === "seed" ? 0 : 1} placeholder=${placeholder} list=${name === "label" ? "labels" : undefined}
          value=${draft.value[name]} onInput=${(/** @type {InputEvent} */ event) => change(name, event)} />
      </div>`)}
      <datalist id="labels">${[...labels].map((label) => html`<option key=${label} value=${label}></option>`)}</datalist>
    </div>
  </details>`;
}

/**
 * @param {keyof Draft} field
 * @param {InputEvent} event
 */
function change(field, event) {
  const { value } = /** @type {HTMLInputElement | HTMLTextAreaElement} */ (event.target);
  draft.value = { ...draft.value, [field]: value };
}

/**
 * Return what is sent.
 * @param {Draft} values
 * @param {string} protocol
 * @param {Utterance[]} before
 */
function asked(values, protocol, before) {
  /** @type {Record<string, number>} */
  const limits = {};
  if (values.calls !== "") limits.calls = Number(values.calls);
  if (values.seconds !== "") limits.seconds = Number(values.seconds);
  return {
    question: before.length === 0 ? values.question : [...before, { role: "user", content: values.question }],
    protocol: protocol.startsWith("{") ? JSON.parse(protocol) : protocol,
    label: values.label.trim() || null,
    seed: Number(values.seed || 0),
    limits: Object.keys(limits).length === 0 ? null : limits,
  };
}
