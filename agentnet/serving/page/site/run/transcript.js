/** What is said in a run: as a thread, or in columns with a member in each. */

import { html, useLayoutEffect, useRef } from "../ui/preact.js";
import { Agent, Parts } from "../ui/elements.js";
import { isAside, stagesOf } from "./layout.js";
import { Turn, coloured } from "./turn.js";

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./layout.js").Stage} Stage */
/** @typedef {import("./turn.js").Actions} Actions */

/**
 * @param {{state: RunState, columns?: boolean, marked?: string, actions?: Actions}} properties `marked`: id of a message
 */
export function Transcript({ state, columns = false, marked = "", actions }) {
  const stages = stagesOf(state.entries.value, state.members.value).filter(isTold);
  const place = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const isThere = state.entries.value.some((entry) => entry.id === marked);
  useLayoutEffect(() => {
    const found = isThere ? place.current?.querySelector(`#message-${CSS.escape(marked)}`) : null;
    if (found instanceof HTMLElement) {
      found.scrollIntoView({ block: "center" });
      found.focus({ preventScroll: true });
    }
  }, [isThere, marked, columns]);
  const options = { state, marked, actions };
  return html`<div class="transcript" ref=${place}>
    ${columns ? html`<${Columns} stages=${stages} ...${options} />` : stages.map((stage) => html`<${Thread} key=${stage.key} stage=${stage} ...${options} />`)}
  </div>`;
}

/**
 * Return whether a run is better read in columns: several members speak side by side, more than once or not.
 * @param {RunState} state
 */
export function isWide(state) {
  return stagesOf(state.entries.value, state.members.value).some((stage) => stage.blocks.some((block) => new Set(block.map((entry) => entry.agent)).size > 1));
}

/** @param {{stage: Stage, state: RunState, marked: string, actions?: Actions}} properties */
function Thread({ stage, state, marked, actions }) {
  if (stage.aside) return html`<${Aside} entry=${stage.blocks[0]?.[0]} state=${state} marked=${marked} />`;
  return html`<section class="stage" style=${{ "--depth": stage.depth }}>
    ${stage.title !== "" && html`<h3 class="stage-title">${stage.title}</h3>`}
    ${stage.blocks.flat().map((entry) => html`<${Turn} key=${entry.id} entry=${entry} state=${state} marked=${entry.id === marked} actions=${actions} />`)}
  </section>`;
}

/** @param {{stages: Stage[], state: RunState, marked: string, actions?: Actions}} properties */
function Columns({ stages, state, marked, actions }) {
  const members = state.members.value;
  const speakers = new Set(state.entries.value.filter((entry) => !isAside(entry, members)).map((entry) => entry.agent));
  const agents = [...members, "fusion"].filter((name) => speakers.has(name));
  return html`<div class="wide"><table class="columns" style=${{ "--columns": agents.length }}>
    <thead><tr>
      ${agents.map((name) => html`<th key=${name} scope="col" style=${coloured(name, members)}><${Agent} name=${name} members=${members} /></th>`)}
    </tr></thead>
    <tbody>
      ${stages.map((stage) => html`
        ${(stage.aside || stage.title !== "") && html`<tr key=${`${stage.key} head`} class="stage-row"><th scope="rowgroup" colspan=${Math.max(1, agents.length)}>${
          stage.aside ? html`<${Aside} entry=${stage.blocks[0]?.[0]} state=${state} marked=${marked} />` : stage.title}</th></tr>`}
        ${!stage.aside && stage.blocks.map((block) => html`<tr key=${`${stage.key} ${block[0]?.id}`}>
          ${agents.map((name) => html`<td key=${name}>${block.filter((entry) => entry.agent === name).map((entry) =>
            html`<${Turn} key=${entry.id} entry=${entry} state=${state} marked=${entry.id === marked} short=${true} named=${false} actions=${actions} />`)}</td>`)}
        </tr>`)}`)}
    </tbody>
  </table></div>`;
}

const REMARKS = /** @type {Record<string, string>} */ ({ analysis: "Kind of question", result: "Decision" });

/**
 * A remark of the coordinator's: what kind of question it is, what was decided, what went wrong.
 * @param {{entry: Entry | undefined, state: RunState, marked: string}} properties
 */
function Aside({ entry, state, marked }) {
  const shown = entry?.shown.value;
  if (entry === undefined || !shown) return null;
  const kind = entry.message.value?.body.kind ?? "";
  return html`<div id=${`message-${entry.id}`} class=${`remark ${kind}${entry.id === marked ? " marked" : ""}`} tabindex=${entry.id === marked ? -1 : undefined}>
    <span class="remark-kind">${REMARKS[kind] ?? entry.agent}</span>
    <span><${Parts} parts=${shown.full} members=${state.members.value} /></span>
  </div>`;
}

/** Return whether a stage is shown: the task stands above the transcript, and assignments in their plan. @param {Stage} stage */
function isTold(stage) {
  const kind = stage.blocks[0]?.[0]?.message.value?.body.kind;
  return !(stage.aside && (kind === "task" || kind === "assignment" || kind === undefined));
}
