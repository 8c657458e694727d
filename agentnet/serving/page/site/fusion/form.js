/** Lets members write a text together: the question, who writes, and how they choose. */

import { html, useEffect, useMemo, useState } from "../ui/preact.js";
import { Agent, Failure } from "../ui/elements.js";
import { useSeen } from "../ui/seen.js";
import { get, post } from "../api.js";
import { go, link } from "../routing.js";
import { useCheck } from "../protocols/checking.js";
import { fusesIn } from "./provenance.js";
import { STRATEGIES } from "./strategies.js";

const EXAMPLES = ["What is the capital of France?", "What is 347 + 285?", "Sort 7, 3 and 5."];

/** @typedef {{name: string, summary: string, ready: boolean, members: string[], expression: any}} Ready */

/** A form that starts a fusion. */
export function FusionForm() {
  const [known, setKnown] = useState(/** @type {{protocols: Ready[], members: string[]} | null} */ (null));
  const [failure, setFailure] = useState("");
  const load = () => {
    setFailure("");
    Promise.all([get("/api/protocols"), get("/api/network")]).then(
      ([protocols, network]) =>
        setKnown({
          protocols: protocols.filter((/** @type {Ready} */ one) => one.ready && fusesIn(one.expression).length > 0),
          members: network.members.map((/** @type {{name: string}} */ member) => member.name),
        }),
      (error) => setFailure(error.message),
    );
  };
  useEffect(load, []);
  if (failure !== "") return html`<${Failure} message=${failure} retry=${load} />`;
  return known === null ? null : html`<${Form} ...${known} />`;
}

/** @param {{protocols: Ready[], members: string[]}} properties */
function Form({ protocols, members }) {
  const [question, setQuestion] = useState("");
  const [named, setNamed] = useState(protocols[0]?.name ?? "");
  const [own, setOwn] = useState(/** @type {{members: string[], strategy: string, level: string} | null} */ (null));
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  const seen = useSeen();
  const preset = protocols.find((one) => one.name === named);
  const current = own ?? settingsOf(preset);
  const written = useMemo(() => ({ fuse: { ...current, level: current.level || null } }), [own, named]);
  const { checked } = useCheck(own === null ? null : written);
  const problem = refused || (own === null ? "" : (checked?.problem ?? ""));
  useEffect(() => setRefused(""), [written]);

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    setRefused("");
    try {
      const protocol = own === null && preset !== undefined ? preset.name : written;
      const { id } = await post("/api/runs", { question: question.trim(), protocol });
      if (seen.current) go(link(["fusion", id]));
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }

  /** @param {string} name */
  function toggle(name) {
    const isChosen = (/** @type {string} */ one) => current.members.includes(one) !== (one === name);
    setOwn({ ...current, members: members.filter(isChosen) });
  }

  return html`<form class="begin" onSubmit=${submit}>
    <label for="fused-question">Question</label>
    <textarea id="fused-question" rows="2" required value=${question}
      placeholder="What the members shall answer in one text"
      onInput=${(/** @type {any} */ event) => setQuestion(event.target.value)}></textarea>
    <p class="examples">${EXAMPLES.map((example) => html`<button key=${example} type="button" class="quiet"
      onClick=${() => setQuestion(example)}>${example}</button>`)}</p>
    ${protocols.length > 0 && html`<fieldset class="presets">
      <legend>How</legend>
      ${protocols.map(
        (one) => html`<label key=${one.name} class="preset">
          <input type="radio" name="preset" checked=${own === null && one.name === named}
            onChange=${() => (setNamed(one.name), setOwn(null))} />
          <span><strong>${one.name}</strong> ${one.summary}</span>
        </label>`,
      )}
    </fieldset>`}
    <details open=${protocols.length === 0}>
      <summary>Members and strategy</summary>
      <fieldset>
        <legend>Members; the first one leads</legend>
        <div class="fusion-members">${members.map(
          (name) => html`<label key=${name}>
            <input type="checkbox" checked=${current.members.includes(name)} onChange=${() => toggle(name)} />
            <${Agent} name=${name} members=${members} />
          </label>`,
        )}</div>
      </fieldset>
      <div class="fusion-choices">
        <label>Strategy
          <select value=${current.strategy}
            onChange=${(/** @type {any} */ event) => setOwn({ ...current, strategy: event.target.value })}>
            ${Object.keys(STRATEGIES).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
          </select>
        </label>
        <label>They agree on
          <select value=${current.level}
            onChange=${(/** @type {any} */ event) => setOwn({ ...current, level: event.target.value })}>
            <option value="">what suits the strategy</option>
            <option value="pieces">tokens, as text</option>
            <option value="bytes">bytes</option>
          </select>
        </label>
      </div>
      <p class="soft">The next piece is ${STRATEGIES[current.strategy]}.</p>
    </details>
    ${problem !== "" && html`<${Failure} message=${problem} />`}
    <button class="primary"
      disabled=${busy || question.trim() === "" || current.members.length === 0}>
      ${busy ? "Starting…" : "Write together"}</button>
  </form>`;
}

/** @param {Ready | undefined} preset */
function settingsOf(preset) {
  const [fuse] = fusesIn(preset?.expression);
  return { members: preset?.members ?? [], strategy: fuse?.strategy ?? "pi", level: fuse?.level ?? "" };
}
