/** Where one asks: the question, how the network is to answer it, and within which limits. */

import { html, signal, useEffect, useRef, useState } from "../ui/preact.js";
import { Agent, Failure } from "../ui/elements.js";
import { useSeen } from "../ui/seen.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { get, post } from "../api.js";
import { Ways, wayOf, waysOf } from "./ways.js";

/** @typedef {import("./ways.js").Way} Way */
/** @typedef {import("./ways.js").Network} Network */
/**
 * @typedef {{question: string, protocol: string, label: string, seed: string, calls: string, seconds: string}} Draft
 */
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
 * @param {object} properties
 * @param {Utterance[]} [properties.before] the turns of the conversation that the question continues
 * @param {string} [properties.usual] the protocol where none is chosen
 * @param {(run: string) => void} properties.onAsked
 * @param {boolean} [properties.autofocus]
 */
export function Form({ before = [], usual, onAsked, autofocus = false }) {
  const [problem, setProblem] = useState("");
  const [unreachable, setUnreachable] = useState("");
  const [busy, setBusy] = useState(false);
  const seen = useSeen();
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
      if (draft.value.question === values.question) draft.value = { ...draft.value, question: "" };
      setBusy(false);
      if (seen.current) onAsked(id);
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

  const retry = () => look().then(() => setUnreachable(""), (error) => setUnreachable(error.message));
  const goesOn = before.length > 0;
  return html`<form class="ask-form" onSubmit=${ask}>
    <label class=${goesOn ? "" : "unseen"} for="question">
      ${goesOn ? "Go on with this conversation" : "Question"}
    </label>
    <textarea id="question" ref=${field} rows=${goesOn ? 2 : 3} placeholder="Ask a question…"
      value=${values.question} onKeyDown=${onKey}
      onInput=${(/** @type {InputEvent} */ event) => change("question", event)}></textarea>
    <div class="ask-row">
      <${Chooser} chosen=${chosen} ways=${ways} members=${members} />
      <button type="submit" class="primary ask-send" disabled=${!isReady}>${busy ? "Asking…" : "Ask"}</button>
    </div>
    <${Options} network=${network} />
    ${problem !== "" && html`<${Failure} message=${problem} />`}
    ${unreachable !== "" && html`<${Failure} message=${unreachable} retry=${retry} />`}
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
  const names = chosen.members.map((name, index) => html`
    ${index > 0 && ", "}
    <${Agent} key=${name} name=${name} members=${members} />
  `);
  const are = chosen.people.length === 1 ? "is a person and is" : "are persons and are";
  return html`<button type="button" ref=${opener} class="chooser" aria-expanded=${open} aria-controls="ways"
      onClick=${() => setOpen(!open)}>
      <span class="unseen">How the network answers: </span><b>${chosen.name}</b><span aria-hidden="true">▾</span>
    </button>
    <p class=${`chosen-way${chosen.problem === "" ? "" : " is-wrong"}`}>${chosen.problem || chosen.summary}
      ${chosen.calls !== "" && html` <span>Calls of models: ${chosen.calls}.</span>`}
      ${names.length > 1 && html` <span>${names.length > 4 ? `${names.length} members may take part` : names}.</span>`}
      ${chosen.people.length > 0 && html` <span>${chosen.people.join(", ")} ${are} asked on this page.</span>`}</p>
    <div id="ways" class="ways-place" hidden=${!open} onKeyDown=${onKey}>
      ${open && html`<${Ways} ways=${ways} value=${chosen.value} members=${members} onChoose=${choose} />`}
    </div>`;
}

/**
 * What need not be said: the kind of the question, the seed, limits.
 * @param {{network: Network | undefined}} properties
 */
function Options({ network }) {
  const cards = network?.members.map((member) => member.card) ?? [];
  const known = cards.flatMap(({ measured, claims }) => [...Object.keys(measured), ...Object.keys(claims)]);
  const labels = [...new Set(known)].filter((label) => !label.includes(":"));
  const fields = /** @type {const} */ ([
    ["label", "Kind of question", "found by itself", "text"],
    ["calls", "At most calls", "no limit", "number"],
    ["seconds", "At most seconds", "no limit", "number"],
    ["seed", "Seed", "0", "number"],
  ]);
  const filled = fields.filter(([name]) => draft.value[name] !== "");
  const chosen = filled.map(([name, title]) => `${title}: ${draft.value[name]}`);
  return html`<details class="options">
    <summary>Options${chosen.length > 0 && ` (${chosen.join(", ")})`}</summary>
    <div class="options-fields">
      ${fields.map(([name, title, placeholder, type]) => html`<div key=${name}>
        <label for=${`option-${name}`}>${title}</label>
        <input id=${`option-${name}`} type=${type} min=${name === "seed" ? 0 : 1} placeholder=${placeholder}
          list=${name === "label" ? "labels" : undefined} value=${draft.value[name]}
          onInput=${(/** @type {InputEvent} */ event) => change(name, event)} />
      </div>`)}
      <datalist id="labels">${labels.map((label) => html`<option key=${label} value=${label}></option>`)}</datalist>
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
