/** A turn in a transcript: who speaks, in which role, and what is said, or is being written. */

import { html } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { Agent } from "../ui/elements.js";
import { link } from "../routing.js";
import { Said } from "./bodies.js";

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {(entry: Entry) => any} Actions what can be done with a recorded turn */

const SAYS = /** @type {Record<string, string>} */ ({
  proposal: "answers",
  revision: "answers again",
  synthesis: "sums up",
  critique: "criticizes",
  vote: "votes",
  verdict: "judges",
  grade: "grades",
  plan: "plans",
  fusion: "writes together",
  refusal: "declines",
  error: "fails",
  "tool-call": "uses a tool",
});
const DOES = /** @type {Record<string, string>} */ ({
  solve: "is answering",
  revise: "is answering again",
  review: "is reviewing",
  critique: "is criticizing",
  conclude: "is concluding",
  synthesize: "is summing up",
  plan: "is planning",
  choose: "is choosing",
  verify: "is judging",
  grade: "is grading",
});

/**
 * @param {{entry: Entry, state: RunState, calls?: readonly Entry[], marked?: boolean, short?: boolean, named?: boolean, actions?: Actions}} properties
 *   `calls`: calls of tools that were made within the turn
 */
export function Turn({ entry, state, calls = [], marked = false, short = false, named = true, actions }) {
  const message = entry.message.value;
  const members = state.members.value;
  const kind = message?.body.kind ?? "";
  const waits = message === null && state.question.value?.message === entry.id;
  const step = /\/step-(\d+)[^/]*$/.exec(entry.node)?.[1];
  const doing = message !== null ? (SAYS[kind] ?? kind) : waits ? "is asked" : (DOES[entry.role] ?? "is writing");
  const classes = ["turn", message === null && "open", marked && "marked", isBeside(entry, state) && "beside"].filter(Boolean).join(" ");
  return html`<article id=${`message-${entry.id}`} class=${classes} data-kind=${kind} style=${coloured(entry.agent, members)} tabindex="-1">
    <header class="turn-head">
      ${named ? html`<${Agent} name=${entry.agent} members=${members} />` : html`<span class="only-read">${entry.agent}</span>`}
      <span class="turn-does">${doing}${step !== undefined && ` step ${step}`}<${Origin} entry=${entry} state=${state} /></span>
      ${message !== null && html`<span class="turn-tools">
        <span class="turn-used">${used(message)}</span>
        ${actions?.(entry)}
        <a class="turn-link" href=${link(["runs", state.id, "messages", entry.id])} aria-label=${`Link to this message of ${entry.agent}`} title="Link to this message">#</a>
      </span>`}
    </header>
    ${calls.map((call) => html`<div key=${call.id} id=${`message-${call.id}`}><${Said} entry=${call} state=${state} /></div>`)}
    ${message === null ? html`<${Writing} entry=${entry} short=${short} isWaiting=${waits} />` : html`<${Said} entry=${entry} state=${state} short=${short} />`}
    ${message?.finish === "length" && kind !== "error" && html`<p class="cut">cut at the limit of tokens</p>`}
  </article>`;
}

/**
 * Whether the reader looks at another member.
 * @param {Entry} entry
 * @param {RunState} state
 */
function isBeside(entry, state) {
  return state.chosen.value !== "" && state.chosen.value !== entry.agent;
}

/**
 * Whose turn the sender took over, and the node that served its model.
 * @param {{entry: Entry, state: RunState}} properties
 */
function Origin({ entry, state }) {
  const message = entry.message.value;
  if (message === null) return null;
  const failed = message.instead_of === null ? undefined : state.entry(message.instead_of);
  return html`${message.instead_of !== null && html` in place of <${Agent} name=${failed?.agent ?? message.instead_of} members=${state.members.value} />`}${message.served_by !== null && ` on ${message.served_by}`}`;
}

/**
 * What is written so far.
 * @param {{entry: Entry, short: boolean, isWaiting: boolean}} properties
 */
function Writing({ entry, short, isWaiting }) {
  if (isWaiting) return null;
  return html`<p class=${short ? "said-reason" : "said"}>${FORMS.includes(entry.role) ? html`<${Form} entry=${entry} />` : entry.text}<span class="caret" aria-hidden="true"></span></p>`;
}

/** Roles that reply in a form, of which only the words are shown while it is written. */
const FORMS = ["choose", "verify", "grade", "plan"];

/** @param {{entry: Entry}} properties */
function Form({ entry }) {
  return entry.text.value.replace(/"(reason|verdict|choice|grade|steps|label|ask|needs|id)"\s*:\s*/g, "").replace(/[{}[\]"]+,?/g, " ").trim();
}

/**
 * Return the style that gives an element a member's colour.
 * @param {string} name
 * @param {readonly string[]} members
 */
export function coloured(name, members) {
  const colour = colourOf(name, members);
  return colour === null ? {} : { "--agent": colour };
}

/** @param {import("./state.js").Message} message */
function used({ usage }) {
  if (usage.calls === 0) return "";
  const tokens = usage.completion_tokens;
  return `${tokens} ${tokens === 1 ? "token" : "tokens"} · ${usage.seconds < 10 ? usage.seconds.toFixed(2) : usage.seconds.toFixed(0)} s`;
}
