/** Two runs side by side: their answers, what they used, and their messages by place. */

import { html, useMemo } from "../ui/preact.js";
import { Agent, Failure, Parts, Waiting } from "../ui/elements.js";
import { go, link } from "../routing.js";
import { aligned } from "./alignment.js";
import { compared } from "./differences.js";
import { useRun } from "./following.js";
import { STATUSES, duration, grouped, money, shortened } from "./words.js";

/** @typedef {import("../run/state.js").Entry} Entry */
/** @typedef {import("../run/state.js").Usage} Usage */
/** @typedef {ReturnType<typeof useRun>} Side */

/** What is compared of the usage, and how it is written. @type {[string, (usage: Usage) => number, (value: number) => string][]} */
const MEASURES = [
  ["Calls", (usage) => usage.calls, grouped],
  ["Tokens read", (usage) => usage.prompt_tokens, grouped],
  ["Tokens written", (usage) => usage.completion_tokens, grouped],
  ["Time in models", (usage) => usage.seconds, duration],
  ["Cost", (usage) => usage.cost, money],
];

/** @param {{first: string, second: string, query: URLSearchParams}} properties with `all`, equal messages are shown, too */
export function Comparison({ first, second, query }) {
  const [one, other] = [useRun(first), useRun(second)];
  const problem = one.problem || other.problem;
  if (problem !== "") return html`<${Failure} message=${problem} /><p><a href=${link(["runs"])}>All runs</a></p>`;
  if (one.record === null || other.record === null) return html`<${Waiting} what="Reading the runs" />`;
  const again = { with: first, text: shortened(one.record.task, 200) };
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>Runs</a> › <a href=${link(["runs", first])}>${first}</a> › Compared</p>
    <h1>Two runs</h1>
    <div class="actions">
      <a class="button" href=${link(["runs"], again)}>Another second run…</a>
      <a class="button" href=${link(["runs", second], { with: first })}>Exchange A and B</a>
    </div>
    <${Summary} one=${one} other=${other} />
    <${Messages} one=${one} other=${other} differing=${query.get("show") === "differences"} whole=${query.get("replies") === "whole"} query=${query} />
  `;
}

/** @param {{one: Side, other: Side}} properties */
function Summary({ one, other }) {
  const sides = [one, other];
  const usages = sides.map(({ state }) => state.usage.value);
  const same = one.record?.task === other.record?.task;
  return html`<div class="wide"><table class="summary">
    <thead><tr><td></td>${sides.map(({ record }, place) => html`<th scope="col" key=${place}><${Letter} place=${place} />
      <a href=${link(["runs", record?.id ?? ""])}>${record?.id}</a></th>`)}<td></td></tr></thead>
    <tbody>
      ${same
        ? html`<tr><th scope="row">Question</th><td colspan="2">${shortened(one.record?.task ?? "", 300)}</td><td></td></tr>`
        : html`<${Line} name="Question" values=${sides.map(({ record }) => shortened(record?.task ?? "", 300))} />`}
      <${Line} name="Protocol" values=${sides.map(({ record }) => record?.protocol ?? "")} />
      <${Line} name="Answer" strong values=${sides.map(answerOf)} />
      <${Line} name="Seed" values=${sides.map(({ record }) => String(record?.seed))} />
      ${MEASURES.map(([name, measured, said]) => {
        const values = usages.map(measured);
        const [a = 0, b = 0] = values;
        const most = Math.max(...values);
        if (name === "Cost" && most === 0) return null;
        return html`<tr key=${name} class="measure"><th scope="row">${name}</th>
          ${values.map((value, place) => html`<td key=${place}><span class="number">${said(value)}</span>
            <span class=${`bar ${place === 0 ? "first" : "second"}`} aria-hidden="true"><span style=${{ width: `${most === 0 ? 0 : (value / most) * 100}%` }}></span></span></td>`)}
          <td class="soft">${ratio(a, b)}</td></tr>`;
      })}
    </tbody>
  </table></div>`;
}

/** @param {{name: string, values: string[], strong?: boolean}} properties */
function Line({ name, values, strong = false }) {
  const differ = values[0] !== values[1];
  return html`<tr><th scope="row">${name}</th>
    ${values.map((value, place) => html`<td key=${place} class=${strong ? "answer" : ""}>${value}</td>`)}
    <td class=${differ ? "differ" : "soft"}>${differ ? "≠" : "="}<span class="unseen">${differ ? " different" : " the same"}</span></td></tr>`;
}

/** @param {Side} side */
function answerOf({ state, record }) {
  const answer = state.ended.value?.answer ?? record?.answer ?? null;
  return answer === null ? STATUSES[state.status.value].word : shortened(answer, 400);
}

/** @param {number} a @param {number} b */
function ratio(a, b) {
  if (a === b) return "=";
  if (a === 0 || b === 0) return "";
  return b > a ? `B × ${(b / a).toPrecision(2)}` : `A × ${(a / b).toPrecision(2)}`;
}

/** @param {{place: number}} properties */
function Letter({ place }) {
  return html`<span class=${`side ${place === 0 ? "first" : "second"}`}>${place === 0 ? "A" : "B"}</span>`;
}

/** @param {{one: Side, other: Side, differing: boolean, whole: boolean, query: URLSearchParams}} properties */
function Messages({ one, other, differing, whole, query }) {
  const [first, second] = [said(one), said(other)];
  const pairs = useMemo(() => aligned(first, second), [first.length, second.length, one.state, other.state]);
  const members = one.state.members.value.length > 0 ? one.state.members.value : other.state.members.value;
  const rows = pairs.map((pair) => ({ ...pair, differ: textOf(pair.first) !== textOf(pair.second) }));
  const shown = differing ? rows.filter((row) => row.differ) : rows;
  /** @param {string} name @param {string | undefined} value */
  const set = (name, value) => go(link(["runs", one.state.id], { ...Object.fromEntries(query), [name]: value }), { replace: true });
  return html`<section aria-labelledby="messages">
    <div class="choices">
      <h2 id="messages">Messages</h2>
      <span class="soft">${rows.filter((row) => row.differ).length} of ${rows.length} places differ</span>
      <label><input type="checkbox" checked=${differing} onChange=${() => set("show", differing ? undefined : "differences")} /> Only these</label>
      <label><input type="checkbox" checked=${whole} onChange=${() => set("replies", whole ? undefined : "whole")} /> Whole replies</label>
    </div>
    ${shown.length === 0 && html`<p class="soft">${rows.length === 0 ? "Nothing was said yet." : "Nothing differs."}</p>`}
    <ol class="pairs">
      ${shown.map((row) => html`<${Row} key=${`${row.first?.id} ${row.second?.id}`} row=${row} members=${members} whole=${whole} sides=${[one, other]} />`)}
    </ol>
  </section>`;
}

/** @param {{row: {first: Entry | null, second: Entry | null, differ: boolean}, members: string[], whole: boolean, sides: Side[]}} properties */
function Row({ row, members, whole, sides }) {
  const entries = [row.first, row.second];
  const parts = entries.map((entry) => entry?.shown.value?.[whole ? "full" : "brief"] ?? []);
  const [a = [], b = []] = parts;
  const both = row.first !== null && row.second !== null;
  const pieces = useMemo(() => (both && row.differ ? compared(a, b) : parts.map((list) => list.map((part) => ({ ...part, differs: false })))), [row.first, row.second, whole]);
  const [named] = entries.filter((entry) => entry !== null);
  const sameSpeaker = row.first?.agent === row.second?.agent || !both;
  return html`<li class=${`pair ${row.differ ? "differ" : "equal"}`}>
    <p class="place">${sameSpeaker && html`<${Agent} name=${named?.agent ?? ""} members=${members} />`} <span class="soft">${named?.shown.value?.kind ?? ""}</span></p>
    ${entries.map((entry, place) =>
      entry === null
        ? html`<div key=${place} class="cell none"><${Letter} place=${place} /><span class="soft">–<span class="unseen"> nothing at this place</span></span></div>`
        : html`<div key=${place} class="cell"><${Letter} place=${place} />
            <div>${!sameSpeaker && html`<${Agent} name=${entry.agent} members=${members} /> `}<${Pieces} pieces=${pieces[place] ?? []} members=${members} /></div>
            <a class="open" href=${link(["runs", sides[place]?.state.id ?? "", "messages", entry.id])} aria-label=${`Open this message of ${entry.agent} in run ${place === 0 ? "A" : "B"}`}>↗</a>
          </div>`,
    )}
  </li>`;
}

/** @param {{pieces: readonly import("./differences.js").Piece[], members: string[]}} properties */
function Pieces({ pieces, members }) {
  return pieces.map((piece, index) => {
    const part = html`<${Parts} parts=${[piece]} members=${members} />`;
    return piece.differs ? html`<mark key=${index}>${part}</mark>` : part;
  });
}

/** @param {Side} side @returns {Entry[]} */
function said({ state }) {
  return state.entries.value.filter((entry) => entry.message.value !== null);
}

/** @param {Entry | null} entry */
function textOf(entry) {
  return entry?.shown.value?.brief.map((part) => part.text).join("") ?? null;
}
