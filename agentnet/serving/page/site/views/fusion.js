/** Texts that several members wrote together: who backed each piece, and where they disagreed. */

import { html, useEffect, useMemo, useState } from "../ui/preact.js";
import { Agent, Empty, Failure, Waiting, count } from "../ui/elements.js";
import { get, post } from "../api.js";
import { link } from "../routing.js";
import { useRun } from "../run/following.js";
import { FusionForm } from "../fusion/form.js";
import { Latest } from "../fusion/listing.js";
import { settingsOf } from "../fusion/provenance.js";
import { Explorer } from "../fusion/explorer.js";
import { Thread } from "../fusion/text.js";

/** @typedef {import("../run/state.js").RunState} RunState */

/** The sender of a fused text. */
const FUSION = "fusion";

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const [run] = route.rest;
  return run === undefined ? html`<${Start} />` : html`<${RunOfFusion} key=${run} run=${run} route=${route} />`;
}

function Start() {
  return html`<div class="two">
    <section>
      <h1>Write one text together</h1>
      <p class="soft lead">Several models propose the next piece of one text, a rule chooses, and all go on from there.
        See who backed which piece, where they disagreed, and what would have stood there instead.</p>
      <${FusionForm} />
    </section>
    <section>
      <h2>Latest texts</h2>
      <${Latest} />
    </section>
  </div>`;
}

/** @param {{run: string, route: import("../routing.js").Route}} properties */
function RunOfFusion({ run, route }) {
  const { state, following } = useRun(run);
  const [record, setRecord] = useState(/** @type {any} */ (null));
  const [failure, setFailure] = useState("");
  useEffect(() => {
    get(`/api/runs/${encodeURIComponent(run)}`).then(setRecord, (error) => setFailure(error.message));
  }, [run]);
  if (failure !== "") return html`<${Failure} message=${failure} />`;
  if (record === null) return html`<${Waiting} />`;
  return html`<article>
    <p class="soft crumbs"><a href=${link(["fusion"])}>All texts</a> · <a
      href=${link(["runs", run])}>The whole run</a></p>
    <h1>${record.task}</h1>
    <${Progress} state=${state} following=${following} />
    <${Texts} state=${state} record=${record} route=${route} />
  </article>`;
}

/**
 * What the run did so far, and its end.
 * @param {{state: RunState, following: import("../run/following.js").Following | null}} properties
 */
function Progress({ state, following }) {
  const { calls, completion_tokens, seconds, cost } = state.usage.value;
  const status = state.status.value;
  const [refused, setRefused] = useState("");
  const cancel = () => {
    post(`/api/runs/${encodeURIComponent(state.id)}/cancel`).catch((error) => setRefused(error.message));
  };
  const lost = following?.connection.value === "lost";
  const problem = following?.problem.value || state.ended.value?.detail || refused;
  const facts = [
    status,
    lost ? "the connection is lost, trying again" : "",
    ...(calls > 0 ? [`${count(calls)} calls`, `${count(completion_tokens)} tokens`, `${seconds.toFixed(1)} s`] : []),
    cost > 0 ? `${cost.toPrecision(2)} $` : "",
  ].filter((fact) => fact !== "");
  return html`
    <p class="soft fusion-progress" role="status">
      ${facts.map((fact) => html`<span key=${fact}>${fact}</span> `)}
      ${status === "running" && html` <button type="button" onClick=${cancel}>Cancel</button>`}
    </p>
    ${problem !== "" && status !== "done" && html`<${Failure} message=${problem} />`}
  `;
}

/** @param {{state: RunState, record: any, route: import("../routing.js").Route}} properties */
function Texts({ state, record, route }) {
  const entries = state.entries.value.filter((entry) => entry.agent === FUSION);
  const [, , wanted, , piece] = route.rest;
  const entry = entries.find((one) => one.id === wanted) ?? entries[0];
  if (entry === undefined) {
    if (state.status.value === "running") return html`<${Waiting} what="The members have not begun to write" />`;
    return html`<${Empty} title="No fused text"><p>In this run no members wrote together. <a
      href=${link(["runs", state.id])}>Read what they said</a>.</p></${Empty}>`;
  }
  return html`
    ${entries.length > 1 && html`<nav class="texts" aria-label="Texts of this run">${entries.map(
      (one, index) => html`<a key=${one.id} href=${link(["fusion", state.id, "messages", one.id])}
        aria-current=${one === entry ? "page" : undefined}>Text ${index + 1}</a>`,
    )}</nav>`}
    <${Written} key=${entry.id} entry=${entry} record=${record} members=${state.members.value} piece=${piece} />
  `;
}

/**
 * @param {object} properties
 * @param {import("../run/state.js").Entry} properties.entry
 * @param {any} properties.record of the run
 * @param {string[]} properties.members
 * @param {string | undefined} properties.piece as the address names it
 */
function Written({ entry, record, members, piece }) {
  const message = entry.message.value;
  const body = message?.body;
  const settings = useMemo(
    () => (body?.kind === "fusion" ? settingsOf(record.expression, /** @type {any} */ (body)) : null),
    [body],
  );
  if (message === null || body === undefined) {
    return html`<p class="fused uncoloured writing">${entry.text.value}</p>
      <p class="soft">The members are writing. Colours come when the text is complete.</p>`;
  }
  if (settings === null) return html`<${Failure} message=${body.detail ?? body.reason ?? "No text came of it."} />`;
  const fusion = /** @type {import("../fusion/provenance.js").Fusion} */ (/** @type {unknown} */ (body));
  return html`
    <p class="answer-line"><strong>${fusion.answer}</strong> <span class="soft">written by</span> ${fusion.members.map(
      (name) => html`<span key=${name} class="writer"><${Thread} name=${name} members=${members} /><${Agent}
        name=${name} members=${members} /></span> `,
    )}</p>
    <${Explorer}
      fusion=${fusion}
      settings=${settings}
      members=${members}
      piece=${piece !== undefined && /^\d+$/.test(piece) ? Number(piece) : null}
      address=${(/** @type {number} */ index) =>
        link(["fusion", record.id, "messages", message.id, "pieces", String(index)])}
    />
  `;
}
