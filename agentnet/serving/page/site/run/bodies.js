/** What is said, by its kind: the words as the server describes them, and pictures of votes, verdicts and plans. */

import { html, useState } from "../ui/preact.js";
import { Agent, Parts } from "../ui/elements.js";
import { link } from "../routing.js";
import { answeredBefore, answerOf, same } from "./answers.js";

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {import("./state.js").RunState} RunState */
/** @typedef {{id: number, label: string, ask: string, needs: number[]}} Step of a plan */

/** Characters from which a text is folded. */
const LONG = 700;
/** What stands between the words of a reply and its answer. */
const ARROW = "=>";

/**
 * The words of a recorded turn. `short` leaves the reasons away where there is an answer.
 * @param {{entry: Entry, state: RunState, short?: boolean}} properties
 */
export function Said({ entry, state, short = false }) {
  const body = entry.message.value?.body;
  const shown = entry.shown.value;
  const members = state.members.value;
  if (body === undefined) return null;
  switch (body.kind) {
    case "proposal":
    case "revision":
    case "synthesis":
      return html`<${Reply} text=${body.text} answer=${body.answer} was=${answeredBefore(entry, state)}
        short=${short} />`;
    case "fusion":
      return html`<${Folded} length=${body.text.length}><${Parts} parts=${shown?.full ?? []} members=${members} /><//>
        <p class="said-more">
          <a href=${link(["fusion", state.id, "messages", entry.id])}>Who backed which piece</a>
        </p>`;
    case "vote":
      return html`<${Judged} entry=${entry} state=${state} target=${body.choice} reason=${body.reason}
        mark="→" tone="plain" />`;
    case "verdict": {
      const good = body.verdict === "approve";
      const words = good ? "approves" : "disapproves";
      return html`<${Judged} entry=${entry} state=${state} target=${body.target} reason=${body.reason}
        found=${body.answer} mark=${good ? "✓" : "✗"} tone=${good ? "good" : "bad"} words=${words} />`;
    }
    case "grade":
      return html`<${Judged} entry=${entry} state=${state} target=${body.target} reason=${body.reason}
        mark=${body.grade} tone="plain" words="for" />`;
    case "plan":
      return html`<${Plan} steps=${body.steps} entry=${entry} state=${state} />`;
    case "tool-call":
      return html`<${Call} entry=${entry} members=${members} />`;
    default:
      return html`<${Folded} length=${length(shown?.full)}>
        <${Parts} parts=${shown?.full ?? []} members=${members} />
      <//>`;
  }
}

/**
 * A reply, with its answer marked where it stands in the words. `was`: what the member answered before.
 * @param {{text: string, answer: string, was: string | null, short: boolean}} properties
 */
function Reply({ text, answer, was, short }) {
  const changed = was !== null && !same(was, answer) ? html` <span class="changed">was <s>${was}</s></span>` : null;
  const inside = answer !== "" && text.endsWith(answer);
  const before = inside ? text.slice(0, text.length - answer.length) : text;
  const reason = inside ? withoutArrow(before) : text;
  const head = reason.trim() === "" ? "" : before;
  if (short && answer !== "" && answer.length < LONG) {
    return html`<p class="said-answer">${answer}${changed}</p>
      ${reason.trim() !== "" && html`<p class="said-reason">${reason}</p>`}`;
  }
  return html`<${Folded} length=${text.length}>
    <p class="said">${head}${inside ? html`<b class="said-mark">${answer}</b>` : null}${changed}</p>
    ${!inside && answer !== "" && html`<p class="said-answer">${answer}</p>`}
  <//>`;
}

/**
 * Return words without the arrow at their end. `trimEnd` reads them once; a pattern that ends in `\s*$` reads spaces
 * again from each of them, and a member may write 100 KB of spaces.
 * @param {string} words
 */
function withoutArrow(words) {
  const trimmed = words.trimEnd();
  return trimmed.endsWith(ARROW) ? trimmed.slice(0, -ARROW.length).trimEnd() : words;
}

/**
 * A judgement of another message: a mark, whose it is, how certain, and why.
 * @param {object} properties
 * @param {Entry} properties.entry
 * @param {RunState} properties.state
 * @param {string} properties.target id of the message that is judged
 * @param {string} properties.reason
 * @param {string} properties.mark
 * @param {string} properties.tone class of the mark
 * @param {string} [properties.words] what the judgement does, before the answer that it is about
 * @param {string} [properties.found] the judge's own answer
 */
function Judged({ entry, state, target, reason, mark, tone, words = "", found = "" }) {
  const judged = state.entry(target);
  const answer = judged === undefined ? null : answerOf(judged);
  const whose = judged !== undefined && html`<span class="soft">of </span>
    <${Agent} name=${judged.agent} members=${state.members.value} />`;
  const isOther = found !== "" && (answer === null || !same(found, answer));
  const probability = entry.message.value?.confidence ?? null;
  return html`<p class="judged">
      <span class=${`badge ${tone}`}>${mark}</span>
      <span>${words} ${answer !== null && html`<b>${answer}</b> `}${whose}</span>
      ${isOther && html`<span class="soft">found <b>${found}</b></span>`}
      ${probability !== null && html`<${Probability} value=${probability} />`}
    </p>
    ${reason !== "" && html`<${Folded} length=${reason.length}><p class="said-reason">${reason}</p><//>`}`;
}

/**
 * A probability as a bar and in percent.
 * @param {{value: number}} properties
 */
function Probability({ value }) {
  const percent = `${Math.round(value * 100)} %`;
  return html`<span class="probability">
    <span class="bar" aria-hidden="true"><i style=${{ width: percent }}></i></span>${percent}
  </span>`;
}

/**
 * The steps of a plan: who has each, and what came of it.
 * @param {{steps: Step[], entry: Entry, state: RunState}} properties
 */
function Plan({ steps, entry, state }) {
  const scope = entry.node.replace(/\/[^/]*$/, "");
  const entries = state.entries.value.filter((other) => other.node.startsWith(`${scope}/`));
  const assigned = entries.filter((other) => other.message.value?.body.kind === "assignment");
  return html`<ol class="plan">
    ${steps.map((step) => {
      const given = assigned.findLast((other) => other.message.value?.body.step === step.id);
      const agent = given?.message.value?.body.agent;
      const taken = entries.findLast(
        (other) => given !== undefined && other.reads.includes(given.id) && other.agent === agent,
      );
      const answer = taken === undefined ? null : answerOf(taken);
      const waits = step.needs.length > 0 ? `after ${step.needs.join(", ")}` : "waits";
      return html`<li key=${step.id} value=${step.id}>
        <span>${step.ask}</span>
        <span class="plan-who">
          ${agent === undefined
            ? html`<span class="soft">${step.label} · ${waits}</span>`
            : html`<${Agent} name=${agent} members=${state.members.value} />`}
        </span>
        <span class="plan-answer">${answer ?? (agent === undefined ? "" : taken?.message.value ? "✗" : "…")}</span>
      </li>`;
    })}
  </ol>`;
}

/**
 * A call of a tool: in short, and opened in full.
 * @param {{entry: Entry, members: string[]}} properties
 */
function Call({ entry, members }) {
  const shown = entry.shown.value;
  return html`<details class="call">
    <summary><${Parts} parts=${shown?.brief ?? []} members=${members} /></summary>
    <${Parts} parts=${shown?.full ?? []} members=${members} />
  </details>`;
}

/**
 * Words that are folded where they are long.
 * @param {{length: number, children?: any}} properties
 */
export function Folded({ length, children }) {
  const [open, setOpen] = useState(false);
  if (length <= LONG) return html`<div>${children}</div>`;
  return html`<div class=${open ? "" : "folded"}>${children}</div>
    <button type="button" class="quiet fold" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      ${open ? "Show less" : "Show all"}
    </button>`;
}

/** @param {readonly import("../ui/elements.js").Part[] | undefined} parts */
function length(parts) {
  return (parts ?? []).reduce((sum, part) => sum + part.text.length, 0);
}
