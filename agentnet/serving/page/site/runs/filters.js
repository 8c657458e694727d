/** Which runs are listed. The filters stand in the address, so that a list can be shared. */

import { html, useEffect, useRef, useState } from "../ui/preact.js";
import { go, link } from "../routing.js";
import { get } from "../api.js";
import { STATUSES, SURFACES } from "./words.js";

const NAMES = /** @type {const} */ (["text", "status", "protocol", "surface", "caller"]);
const PAUSE = 250;
/** @typedef {{currentTarget: HTMLInputElement | HTMLSelectElement}} Typed */
/** @typedef {Partial<Record<(typeof NAMES)[number], string>>} Chosen */

/**
 * Return the filters of an address.
 * @param {URLSearchParams} query
 * @returns {Chosen}
 */
export function chosenOf(query) {
  return Object.fromEntries(NAMES.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])));
}

/**
 * The form. `kept` are the other parts of the address.
 * @param {{chosen: Chosen, kept: Record<string, string | undefined>}} properties
 */
export function Filters({ chosen, kept }) {
  const [text, setText] = useState(chosen.text ?? "");
  const timer = useRef(0);
  const typed = useRef(chosen.text ?? "");
  const searched = useRef(chosen.text ?? "");
  const protocols = useProtocols();
  useEffect(() => {
    const given = chosen.text ?? "";
    if (given === searched.current) return;
    clearTimeout(timer.current); // a link was followed: what was typed before is not searched for
    setText((typed.current = searched.current = given));
  }, [chosen.text]);
  useEffect(() => () => clearTimeout(timer.current), []);

  /** @param {Chosen} changed */
  const choose = (changed) => {
    clearTimeout(timer.current);
    searched.current = typed.current;
    const wanted = Object.entries({ ...chosen, text: typed.current, ...changed });
    const query = Object.fromEntries(wanted.map(([name, value]) => [name, value || undefined]));
    go(link(["runs"], { ...kept, ...query }), { replace: true });
  };
  /** @param {string} value */
  const type = (value) => {
    setText((typed.current = value));
    clearTimeout(timer.current);
    timer.current = setTimeout(() => choose({}), PAUSE);
  };
  const statuses = Object.entries(STATUSES).map(([name, { word }]) => [name, word]);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    choose({});
  };
  return html`<form class="filters" role="search" aria-label="Filter runs" onSubmit=${submit}>
    <input type="search" aria-label="Words of the question" placeholder="Search the questions" maxlength="200"
      value=${text} onInput=${(/** @type {Typed} */ event) => type(event.currentTarget.value)} />
    <${Choice} label="Status" any="Any status" value=${chosen.status} options=${statuses}
      choose=${(/** @type {string} */ status) => choose({ status })} />
    <${Choice} label="Protocol" any="Any protocol" value=${chosen.protocol}
      options=${protocols.map((name) => [name, name])}
      choose=${(/** @type {string} */ protocol) => choose({ protocol })} />
    <${Choice} label="Client" any="Any client" value=${chosen.surface} options=${Object.entries(SURFACES)}
      choose=${(/** @type {string} */ surface) => choose({ surface })} />
    ${chosen.caller && html`<button type="button" class="chip" onClick=${() => choose({ caller: "" })}>
      key ${chosen.caller} <span aria-hidden="true">×</span><span class="unseen">: show all keys</span>
    </button>`}
    ${Object.keys(chosen).length > 0 && html`<a class="button quiet" href=${link(["runs"], kept)}>Clear</a>`}
  </form>`;
}

/**
 * @param {object} properties
 * @param {string} properties.label
 * @param {string} properties.any what it is called if nothing is chosen
 * @param {string} [properties.value]
 * @param {string[][]} properties.options values, and what they are called
 * @param {(value: string) => void} properties.choose
 */
function Choice({ label, any, value = "", options, choose }) {
  const known = value === "" || options.some(([name]) => name === value) ? options : [...options, [value, value]];
  return html`<select aria-label=${label} value=${value} class=${value === "" ? "" : "set"}
    onChange=${(/** @type {Typed} */ event) => choose(event.currentTarget.value)}>
    <option value="">${any}</option>
    ${known.map(([name, word]) => html`<option key=${name} value=${name}>${word}</option>`)}
  </select>`;
}

/** @returns {string[]} the names that can be asked; empty until they are known */
function useProtocols() {
  const [names, setNames] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    get("/api/protocols").then(
      (found) => setNames(found.map((/** @type {{name: string}} */ protocol) => protocol.name)),
      () => {}, // the list says what is wrong with the server
    );
  }, []);
  return names;
}
