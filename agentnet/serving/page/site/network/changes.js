/** What happened to nodes and members: who was there when, and every change with its reason. */

import { html } from "../ui/preact.js";
import { Agent, Empty } from "../ui/elements.js";
import { link } from "../routing.js";
import { ratio } from "./numbers.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./living.js").Change} Change */

/**
 * @param {{history: readonly Change[], canaries: readonly import("./living.js").Canary[], names: readonly
 *   string[], query: URLSearchParams}} properties
 */
export function History({ history, canaries, names, query }) {
  const about = query.get("about") ?? "";
  if (history.length === 0 && canaries.length === 0) {
    return html`<${Empty} title="Nothing has happened to this network yet">
      <p>Nodes that join and leave, members that prove themselves, and members that a test expels are listed here.</p>
      <p>Let a node join: <a href=${link(["network"])}>the command is among the nodes</a>.</p>
    <//>`;
  }
  const shown = about === "" ? history : history.filter((one) => one.about === about);
  return html`<section class="history">
    <${Timeline} history=${history} canaries=${canaries} names=${names} query=${query} />
    <h2>Every change</h2>
    <p class="filter" role="group" aria-label="Which changes">
      ${["", "node", "member"].map((kind) =>
        html`<a key=${kind} class="button" aria-current=${kind === about ? "true" : undefined}
          href=${link(["network", "history"], { about: kind || undefined, within: query.get("within") ?? undefined })}>
        ${{ "": "all", node: "nodes", member: "members" }[kind]}
      </a>`)}
    </p>
    <${Changes} history=${shown} names=${names} />
  </section>`;
}

/** @param {{history: readonly Change[], names: readonly string[]}} properties */
export function Changes({ history, names }) {
  /** @type {Map<string, Change[]>} */
  const days = new Map();
  for (const one of history.filter((each, place) => !isPassing(each, history[place - 1]))) {
    const day = new Date(one.time).toLocaleDateString(undefined, { dateStyle: "full" });
    days.set(day, [...(days.get(day) ?? []), one]);
  }
  return [...days].map(([day, found]) => html`<div class="day" key=${day}>
    <h3>${day}</h3>
    <ol>
      ${found.map((one) =>
        html`<li key=${`${one.time}${one.about}${one.member ?? one.node}${one.after}`} class=${one.after}>
        <time datetime=${one.time}>${new Date(one.time).toLocaleTimeString(undefined, { timeStyle: "short" })}</time>
        <div>
          <p><${Subject} change=${one} names=${names} /> ${verb(one)}<span class="soft">: ${one.why}</span></p>
          ${"test" in one.test && html`<${Decision} test=${one.test} />`}
        </div>
      </li>`)}
    </ol>
  </div>`);
}

/**
 * Whether a node was only about to take part, which the next change says.
 * @param {Change} one @param {Change | undefined} next
 */
function isPassing(one, next) {
  return one.after === "joining" && next !== undefined && next.node === one.node && next.after === "active";
}

/** @param {{change: Change, names: readonly string[]}} properties */
function Subject({ change, names }) {
  const { about, member, node } = change;
  if (about === "node") return html`<span>node <b>${node}</b></span>`;
  return html`<span><a href=${link(["network", "members", member ?? ""])}>
    <${Agent} name=${member ?? ""} members=${names} /></a>
      ${node !== "" && html` <span class="soft">on ${node}</span>`}</span>`;
}

/** @param {Change} change */
function verb({ about, before, after }) {
  if (about === "member") {
    const words = {
      probation: before === "" ? "is on probation" : "goes back to probation",
      active: "counts from now on",
      expelled: "is expelled",
    };
    return words[/** @type {keyof typeof words} */ (after)] ?? `is ${after}`;
  }
  const words = {
    joining: "registers",
    active: before === "suspect" ? "is back" : "takes part",
    suspect: "is late",
    draining: "finishes what it has",
    gone: "is gone",
    expelled: "is expelled",
    forgotten: "is forgotten",
  };
  return words[/** @type {keyof typeof words} */ (after)] ?? `is ${after}`;
}

/** The test that decided, with its numbers. @param {{test: Record<string, string | number>}} properties */
function Decision({ test }) {
  const { right, asked, p0, p1, statistic, bound } = test;
  return html`<details class="decision">
    <summary>the test that decided</summary>
    <dl>
      <div><dt>test</dt><dd>${test.test}</dd></div>
      ${asked !== undefined && html`<div><dt>right</dt><dd>${right} of ${asked}</dd></div>`}
      ${p0 !== undefined && html`<div><dt>against</dt><dd>${Number(p0).toFixed(2)}</dd></div>`}
      ${p1 !== undefined && html`<div><dt>nearer to</dt><dd>${Number(p1).toFixed(2)}</dd></div>`}
      ${statistic !== undefined &&
        html`<div><dt>likelihood ratio</dt><dd>${ratio(Number(statistic))}, decides at ${ratio(Number(bound))}</dd>
          </div>`}
    </dl>
  </details>`;
}
