/** What is said in a run: as a thread, or in columns with a member in each. */

import { html, useLayoutEffect, useRef } from "../ui/preact.js";
import { Agent, Parts, coloured } from "../ui/elements.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { callsOf, isAside, stagesOf } from "./layout.js";
import { Turn } from "./turn.js";

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {import("./layout.js").Stage} Stage */
/** @typedef {import("./turn.js").Actions} Actions */

/** Members beside each other that a screen has room for. */
const MOST_COLUMNS = 4;

/**
 * @param {{state: RunState, columns?: boolean, marked?: string, actions?: Actions}} properties `marked`: id of a message
 */
export function Transcript({ state, columns = false, marked = "", actions }) {
  const entries = state.entries.value;
  const calls = callsOf(entries);
  const inTurns = new Set([...calls.values()].flat());
  const stages = told(stagesOf(entries.filter((entry) => !inTurns.has(entry)), state.members.value), marked);
  const place = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const isThere = state.entries.value.some((entry) => entry.id === marked);
  useLayoutEffect(() => {
    const found = isThere ? place.current?.querySelector(`#message-${CSS.escape(marked)}`) : null;
    if (found instanceof HTMLElement) {
      found.scrollIntoView({ block: "center" });
      found.focus({ preventScroll: true });
    }
  }, [isThere, marked, columns]);
  useShortcuts("Transcript", [
    { key: "j", what: "Next message", run: () => step(place.current, 1) },
    { key: "k", what: "Message before", run: () => step(place.current, -1) },
  ]);
  const options = { state, marked, calls, actions };
  return html`<div class="transcript" ref=${place}>
    ${columns
      ? html`<${Columns} stages=${stages} ...${options} />`
      : stages.map((stage) => html`<${Thread} key=${stage.key} stage=${stage} ...${options} />`)}
  </div>`;
}

/**
 * Return whether a run is better read in columns: a few members speak side by side.
 * @param {RunState} state
 */
export function isWide(state) {
  const stages = stagesOf(state.entries.value, state.members.value);
  const blocks = stages.flatMap((stage) => stage.blocks);
  const speakers = blocks.map((block) => new Set(block.map((entry) => entry.agent)).size);
  return Math.max(0, ...speakers) > 1 && Math.max(...speakers) <= MOST_COLUMNS;
}

/**
 * Move on from the turn that has the focus.
 * @param {HTMLElement | null} place
 * @param {1 | -1} by
 */
function step(place, by) {
  const turns = [...(place?.querySelectorAll(".turn") ?? [])];
  const current = turns.findIndex((turn) => turn.contains(document.activeElement));
  const next = turns[current < 0 ? (by > 0 ? 0 : turns.length - 1) : current + by];
  if (next instanceof HTMLElement) next.focus();
}

/** @typedef {{state: RunState, marked: string, calls: Map<string, Entry[]>, actions?: Actions}} Options */

/** @param {{stage: Stage} & Options} properties */
function Thread({ stage, state, marked, calls, actions }) {
  if (stage.aside) return html`<${Aside} entry=${stage.blocks[0]?.[0]} state=${state} marked=${marked} />`;
  return html`<section class="stage" style=${{ "--depth": stage.depth }}>
    ${stage.title !== "" && html`<h3 class="stage-title">${stage.title}</h3>`}
    ${stage.blocks.flat().map((entry) => html`<${Turn} key=${entry.id} entry=${entry} calls=${calls.get(entry.id)}
      state=${state} marked=${entry.id === marked} actions=${actions} />`)}
  </section>`;
}

/** @param {{stages: Stage[]} & Options} properties */
function Columns({ stages, state, marked, calls, actions }) {
  const members = state.members.value;
  const speakers = new Set(state.entries.value.filter((entry) => !isAside(entry, members)).map((entry) => entry.agent));
  const agents = [...members, "fusion"].filter((name) => speakers.has(name));
  /** @param {Entry} entry */
  const turn = (entry) => html`<${Turn} key=${entry.id} entry=${entry} calls=${calls.get(entry.id)} state=${state}
    marked=${entry.id === marked} short=${true} named=${false} actions=${actions} />`;
  /** @param {Stage} stage */
  const head = (stage) => html`<tr key=${`${stage.key} head`} class="stage-row">
    <th scope="rowgroup" colspan=${Math.max(1, agents.length)}>
      ${stage.aside
        ? html`<${Aside} entry=${stage.blocks[0]?.[0]} state=${state} marked=${marked} />`
        : stage.title}
    </th>
  </tr>`;
  return html`<div class="wide"><table class="columns" style=${{ "--columns": agents.length }}>
    <thead><tr>
      ${agents.map((name) => html`<th key=${name} scope="col" style=${coloured(name, members)}>
        <${Agent} name=${name} members=${members} />
      </th>`)}
    </tr></thead>
    <tbody>
      ${stages.map((stage) => html`
        ${(stage.aside || stage.title !== "") && head(stage)}
        ${!stage.aside && stage.blocks.map((block) => html`<tr key=${`${stage.key} ${block[0]?.id}`}>
          ${agents.map((name) => html`<td key=${name}>
            ${block.filter((entry) => entry.agent === name).map(turn)}
          </td>`)}
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
  const isMarked = entry.id === marked;
  return html`<div id=${`message-${entry.id}`} class=${`remark ${kind}${isMarked ? " marked" : ""}`}
    tabindex=${isMarked ? -1 : undefined}>
    <span class="remark-kind">${REMARKS[kind] ?? entry.agent}</span>
    <span><${Parts} parts=${shown.full} members=${state.members.value} /></span>
  </div>`;
}

/**
 * Return the stages that are shown: the task stands above the transcript, assignments in their plan, and a failure that
 * is passed on is told once.
 * @param {Stage[]} stages
 * @param {string} marked
 */
function told(stages, marked) {
  const failures = new Set();
  return stages.filter((stage) => {
    const entry = stage.blocks[0]?.[0];
    const body = entry?.message.value?.body;
    if (!stage.aside || entry?.id === marked) return true;
    if (body === undefined || body.kind === "task" || body.kind === "assignment") return false;
    if (body.kind !== "error") return true;
    const isNew = !failures.has(body.detail);
    failures.add(body.detail);
    return isNew;
  });
}
