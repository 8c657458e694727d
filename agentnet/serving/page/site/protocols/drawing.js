/** A protocol as it runs: from the question at the top to the answer below, each part within the one that uses it. */

import { html } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { about, asked, decided, ending, read, selected } from "./legend.js";

/** @typedef {readonly string[]} Members */

/**
 * @param {{expression: unknown, members: Members}} properties
 */
export function Drawing({ expression, members }) {
  return html`<figure class="protocol-drawing" aria-label="The protocol, from the question to the answer">
    <p class="outside">Question</p>
    <${Part} expression=${expression} members=${members} several=${false} />
    <p class="outside">Answer</p>
  </figure>`;
}

/** @param {{expression: unknown, members: Members, several: boolean}} properties */
function Part({ expression, members, several }) {
  const [kind, fields] = read(expression);
  if (kind === "ask") return html`<${One} agent=${String(fields.agent ?? "")} does=${asked(fields)} members=${members}
    several=${several} />`;
  return html`<section class=${`part-of ${kind}`}>
    <header><strong>${kind}</strong> <span>${about(kind, fields)}</span></header>
    ${inside(kind, fields, members)}
  </section>`;
}

/**
 * @param {string} kind
 * @param {import("./legend.js").Fields} fields
 * @param {Members} members
 */
function inside(kind, fields, members) {
  const within = { members };
  switch (kind) {
    case "serial":
      return html`<${Steps} parts=${fields.steps} ...${within} />`;
    case "cascade":
      return html`<${Steps} parts=${fields.steps} between="not trusted yet" ...${within} />
        <${Rule} text=${ending(kind, fields)} />`;
    case "parallel":
      return html`<${Branches} parts=${fields.branches} times=${fields.times} ...${within} />
        <${Decision} decision=${fields.decide ?? "majority"} ...${within} />`;
    case "debate":
      return html`<${Branches} parts=${fields.members} again=${true} ...${within} />
        <${Rule} text=${ending(kind, fields)} />
        <${Decision} decision=${fields.decide ?? "majority"} ...${within} />`;
    case "delegate":
      return html`<${One} agent=${fields.planner ?? "@planner"} does=${`plans, ${fields.max_steps ?? 8} steps at most`}
        ...${within} />
        <${Arrow} text="each step goes to the worker whose card fits it" />
        <${Branches} parts=${fields.workers ?? ["@solver"]} ...${within} />
        <${Decision} decision=${fields.merge ?? "last"} ...${within} />`;
    case "verify":
      return html`<div class="loop">
          <${Part} expression=${fields.proposer} several=${false} ...${within} />
          <${Arrow} text="" />
          <${One} agent=${fields.verifier ?? "@verifier"}
            does=${fields.by === "score" ? "scores the answer" : "judges the answer"} ...${within} />
          <p class="retry">${retried(fields.retries ?? 2)}</p></div>`;
    case "route":
      return html`<ul class="side-by-side">${listed(fields.members ?? "@solver").map(
          (name) => html`<li key=${name}><${One} agent=${name} does=${judged(fields.judges?.[name])} members=${members}
            several=${true} /></li>`,
        )}</ul><${Rule} text=${ending(kind, fields)} />`;
    case "fuse":
      return html`<${Branches} parts=${fields.members ?? ["@solver"]} ...${within} />
        <${Rule} text=${ending(kind, fields)} />`;
    case "best":
      return html`<${Branches} parts=${fields.among ?? ["@solver"]} ...${within} />
        <${Rule} text=${ending(kind, fields)} />`;
    case "auto":
      return html`<${Cases} fields=${fields} ...${within} />`;
    default:
      return html`<p class="soft">This page does not know how to draw it.</p>`;
  }
}

/** @param {{parts: unknown, members: Members, between?: string}} properties */
function Steps({ parts, members, between = "" }) {
  const steps = listed(parts);
  return html`<ol class="in-turn">${steps.map(
    (part, index) => html`<li key=${index}>
      ${index > 0 && html`<${Arrow} text=${between} />`}
      <${Part} expression=${part} members=${members} several=${true} />
    </li>`,
  )}</ol>`;
}

/** @param {{parts: unknown, members: Members, times?: number, again?: boolean}} properties */
function Branches({ parts, members, times = 1, again = false }) {
  return html`<ul class="side-by-side" data-again=${again || undefined}>${counted(listed(parts)).map(
    ({ part, count }, index) => html`<li key=${index}>
      <${Part} expression=${part} members=${members} several=${true} />${count * times > 1 &&
        html` <span class="does">× ${count * times}</span>`}
    </li>`,
  )}</ul>`;
}

/**
 * Return parts with how often each stands there in a row.
 * @param {any[]} parts
 */
function counted(parts) {
  /** @type {{part: any, count: number}[]} */
  const found = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last !== undefined && JSON.stringify(last.part) === JSON.stringify(part)) last.count += 1;
    else found.push({ part, count: 1 });
  }
  return found;
}

/** @param {{agent: string, does: string, members: Members, several?: boolean}} properties */
function One({ agent, does, members, several = false }) {
  const words = selected(agent, several);
  const colour = colourOf(agent, members);
  return html`<span class=${`one${words === null ? "" : " selector"}`} style=${{ "--agent": colour ?? undefined }}
    title=${words === null ? undefined : agent}>
    <span class=${colour === null ? "" : "agent"}>${words ?? agent}</span>${does !== "" &&
      html` <span class="does">${does}</span>`}
  </span>`;
}

/** @param {{decision: unknown, members: Members}} properties */
function Decision({ decision, members }) {
  const { text, agent } = decided(decision);
  if (agent === null) return html`<${Rule} text=${text} />`;
  return html`<${Arrow} text="" /><${One} agent=${agent} does=${text} members=${members} />`;
}

/** @param {number} retries */
function retried(retries) {
  if (retries === 0) return "disapproved: no retry";
  return `disapproved: again, with the verdict, ${retries === 1 ? "once" : `up to ${retries} times`}`;
}

/** @param {{text: string}} properties */
function Rule({ text }) {
  return text === "" ? null : html`<p class="decides">${text}</p>`;
}

/** @param {{text: string}} properties */
function Arrow({ text }) {
  return html`<span class="arrow"><span aria-hidden="true">↓</span> ${text}</span>`;
}

/** @param {{fields: import("./legend.js").Fields, members: Members}} properties */
function Cases({ fields, members }) {
  const cases = listed(fields.cases);
  const systems = new Map(listed(fields.systems).map((system) => [system.name, system.protocol]));
  if (cases.length === 0) {
    return html`<p class="soft">Nothing was learned yet: the same as <em>best</em>.</p>
      <${Branches} parts=${fields.among ?? ["@solver"]} members=${members} />`;
  }
  return html`<ul class="cases">${cases.map(
    ({ label, use, why }, index) => html`<li key=${index}>
      <div class="case"><strong>${label ?? "everything else"}</strong> → <${System} name=${use}
        expression=${systems.get(use)} members=${members} /></div>
      ${why && html`<p class="soft">${why}</p>`}
    </li>`,
  )}</ul>`;
}

/**
 * What a case uses: a member alone, or a protocol to be unfolded.
 * @param {{name: string, expression: unknown, members: Members}} properties
 */
function System({ name, expression, members }) {
  if (expression === undefined) return name;
  const part = html`<${Part} expression=${expression} members=${members} several=${false} />`;
  return read(expression)[0] === "ask" ? part : html`<details><summary>${name}</summary>${part}</details>`;
}

/** @param {readonly string[] | undefined} judges */
function judged(judges) {
  return judges === undefined ? "" : `judged by ${judges.join(", ")}`;
}

/**
 * @param {unknown} value
 * @returns {any[]}
 */
function listed(value) {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}
