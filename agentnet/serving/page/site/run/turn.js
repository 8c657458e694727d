/** A turn in a transcript: who speaks, in which role, and what is said, or is being written. */

import { html } from "../ui/preact.js";
import { Agent, coloured } from "../ui/elements.js";
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
 * @param {object} properties
 * @param {Entry} properties.entry
 * @param {RunState} properties.state
 * @param {readonly Entry[]} [properties.calls] calls of tools that were made within the turn
 * @param {boolean} [properties.marked]
 * @param {boolean} [properties.short] without reasons where there is an answer
 * @param {boolean} [properties.named] whether it says who speaks; in a column, its head does
 * @param {Actions} [properties.actions]
 */
export function Turn({ entry, state, calls = [], marked = false, short = false, named = true, actions }) {
  const message = entry.message.value;
  const members = state.members.value;
  const kind = message?.body.kind ?? "";
  const waits = message === null && state.question.value?.message === entry.id;
  const step = /\/step-(\d+)[^/]*$/.exec(entry.node)?.[1];
  const isCut = message === null && state.ended.value !== null;
  const writes = isCut ? "was interrupted" : waits ? "is asked" : (DOES[entry.role] ?? "is writing");
  const doing = message === null ? writes : (SAYS[kind] ?? kind);
  const classes = ["turn", message === null && "open", marked && "marked", isBeside(entry, state) && "beside"];
  return html`<article id=${`message-${entry.id}`} class=${classes.filter(Boolean).join(" ")} data-kind=${kind}
    style=${coloured(entry.agent, members)} tabindex="-1">
    <header class="turn-head">
      ${named
        ? html`<${Agent} name=${entry.agent} members=${members} />`
        : html`<span class="unseen">${entry.agent}</span>`}
      <span class="turn-does">
        ${doing}${step !== undefined && ` step ${step}`}<${Origin} entry=${entry} state=${state} />
      </span>
      ${message !== null && html`<span class="turn-tools">
        <span class="turn-used">${used(message)}</span>
        ${actions?.(entry)}
        <a class="turn-link" href=${link(["runs", state.id, "messages", entry.id])}
          aria-label=${`Link to this message of ${entry.agent}`} title="Link to this message">#</a>
      </span>`}
    </header>
    ${calls.map((call) => html`<div key=${call.id} id=${`message-${call.id}`}>
      <${Said} entry=${call} state=${state} />
    </div>`)}
    ${message === null
      ? html`<${Writing} entry=${entry} short=${short} isWaiting=${waits} isCut=${isCut} />`
      : html`<${Said} entry=${entry} state=${state} short=${short} />`}
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
  const { instead_of, served_by } = message;
  const failed = instead_of === null ? null : (state.entry(instead_of)?.agent ?? instead_of);
  return html`
    ${failed !== null && html` in place of <${Agent} name=${failed} members=${state.members.value} />`}
    ${served_by !== null && ` on ${served_by}`}
  `;
}

/**
 * What is written so far.
 * @param {{entry: Entry, short: boolean, isWaiting: boolean, isCut: boolean}} properties
 */
function Writing({ entry, short, isWaiting, isCut }) {
  if (isWaiting) return null;
  const words = FORMS.includes(entry.role) ? html`<${Form} entry=${entry} />` : entry.text;
  const caret = isCut ? null : html`<span class="caret" aria-hidden="true"></span>`;
  return html`<p class=${short ? "said-reason" : "said"}>${words}${caret}</p>`;
}

/** Roles that reply in a form, of which only the words are shown while it is written. */
const FORMS = ["choose", "verify", "grade", "plan"];
const FIELD = /"(reason|verdict|choice|grade|steps|label|ask|needs|id)"\s*:\s*/g;
const PUNCTUATION = /[{}[\]"]+,?/g;

/** @param {{entry: Entry}} properties */
function Form({ entry }) {
  return entry.text.value.replace(FIELD, "").replace(PUNCTUATION, " ").trim();
}

/** @param {import("./state.js").Message} message */
function used({ usage }) {
  if (usage.calls === 0) return "";
  const tokens = usage.completion_tokens;
  const seconds = usage.seconds.toFixed(usage.seconds < 10 ? 2 : 0);
  return `${tokens} ${tokens === 1 ? "token" : "tokens"} · ${seconds} s`;
}
