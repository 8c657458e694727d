/** The machines that take part: their members, what they have to do, and how long they are believed. */

import { html, signal, useEffect } from "../ui/preact.js";
import { CopyButton } from "../ui/copy.js";
import { Agent, Ago, count } from "../ui/elements.js";

/** @typedef {import("./living.js").Node} Node */

const STATES = /** @type {Record<string, string>} */ ({
  joining: "It registered, and has sent no heartbeat yet",
  active: "Its members are asked",
  suspect: "Its heartbeat is late: it is asked last",
  draining: "It finishes what it has, and takes nothing new",
  expelled: "A test found one of its members intolerable",
});
/** Seconds that a lease lasts: the scale of its picture. */
const LEASE = 15;

const now = signal(performance.now());

/** @param {{nodes: readonly Node[], names: readonly string[], join: string}} properties */
export function Nodes({ nodes, names, join }) {
  useEffect(() => {
    const timer = setInterval(() => (now.value = performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const first = nodes.slice(0, 60);
  return html`<section class="nodes">
    <h2>Nodes ${nodes.length > 0 && html`<span class="soft">${count(nodes.length)}</span>`}</h2>
    <p class="soft">A node is another process, here or elsewhere, that lends its models to the network.</p>
    <div class="node-cards">
      ${first.map((node) => html`<${NodeCard} key=${node.key} node=${node} names=${names} />`)}
      <${Join} join=${join} first=${nodes.length === 0} />
    </div>
    ${nodes.length > first.length &&
      html`<p class="soft">… and ${count(nodes.length - first.length)} more: <code>agentnet nodes</code> lists
        all.</p>`}
  </section>`;
}

/** @param {{node: Node, names: readonly string[]}} properties */
function NodeCard({ node, names }) {
  const left = Math.max(0, node.left - (now.value - node.read) / 1000);
  const leased = node.state !== "expelled" && node.state !== "gone";
  return html`<article
    class=${`card node ${node.state}${Date.now() - new Date(node.joined).getTime() < 8000 ? " new" : ""}`}
      aria-label=${`node ${node.name}`}>
    <h3>${node.name} <span class=${`chip ${tone(node.state)}`} title=${STATES[node.state]}>${node.state}</span></h3>
    <p class="members">${node.offers.map(({ name }) => html`<${Agent} key=${name} name=${name} members=${names} />`)}
      </p>
    ${leased && html`<${Lease} left=${left} />`}
    ${leased && html`<${Work} load=${node.load} />`}
    <p class="soft small">joined <${Ago} time=${node.joined} /> · <span class="url">
      ${node.url.replace(/^https?:\/\//, "")}</span></p>
  </article>`;
}

/** @param {{left: number}} properties */
function Lease({ left }) {
  const tone = left < LEASE / 3 ? "bad" : left < LEASE / 2 ? "warning" : "";
  return html`<div class=${`lease ${tone}`}>
    <span class="bar" role="img" aria-label=${`its lease ends in ${Math.round(left)} seconds without a heartbeat`}>
      <span style=${{ width: `${Math.min(100, (100 * left) / LEASE)}%` }}></span>
    </span>
    <span class="soft small">lease ${Math.round(left)} s</span>
  </div>`;
}

/** @param {{load: import("./living.js").Load}} properties */
function Work({ load }) {
  const shown = Math.min(12, load.slots);
  const waiting = load.queued > 0 ? `, ${load.queued} waiting` : "";
  const words = `${load.running} of ${load.slots} ${load.slots === 1 ? "slot" : "slots"} busy${waiting}`;
  return html`<div class="work">
    <span class="slots" aria-hidden="true">
      ${Array.from({ length: shown }, (_, place) =>
        html`<span key=${place} class=${place < (load.running * shown) / load.slots ? "busy" : ""}></span>`)}
      ${load.queued > 0 && html`<span class="queue">+${load.queued}</span>`}
    </span>
    <span class="soft small">${words}
      ${load.tokens_per_second > 0 ? ` · ${count(load.tokens_per_second)} tokens/s` : ""}</span>
  </div>`;
}

/** @param {{join: string, first: boolean}} properties */
function Join({ join, first }) {
  return html`<article class="card join">
    <h3>${first ? "No other machine takes part yet" : "Let another machine join"}</h3>
    <p>Run this where the models are; <code>mine.yaml</code> is a network file that names them.</p>
    <p class="copy"><code>${join}</code><${CopyButton} text=${join} what="the command" /></p>
    <p class="soft small">It appears here within a second, on probation until hidden questions have shown what it can.
      Ctrl-C there lets it leave.</p>
  </article>`;
}

/** @param {string} state */
function tone(state) {
  return { active: "good", suspect: "warning", draining: "warning", expelled: "bad" }[state] ?? "plain";
}
