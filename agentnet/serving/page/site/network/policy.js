/** What `auto` does: which system it uses for which kind of question, on which evidence, at which cost. */

import { html, useEffect, useSignal } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { Ago, Empty, Failure, Quoted, Waiting, count, percent } from "../ui/elements.js";
import { get } from "../api.js";
import { link } from "../routing.js";
import { Decisions } from "./decisions.js";
import { Frontier } from "./frontier.js";
import { System } from "./system.js";

/**
 * @typedef {{candidate: string, label: string, items: number, accuracy: number, tokens: number, seconds: number,
 *   cost: number}} Estimate
 */
/**
 * @typedef {{label: string, use: string, instead_of: string, gain: number, gain_low: number, items: number, why:
 *   string}} Choice
 */
/** @typedef {{label: string, use: string, evidence: string[]}} Rule */
/**
 * @typedef {{candidates: {name: string, member: boolean}[], default: string, choices: Choice[], estimates:
 *   Estimate[], suite: string}} Learned
 */
/**
 * @typedef {{file: string, created: string, default: string, rules: Rule[], remarks: string[], policy: Learned}}
 *   Policy
 */

const ALL = "*";

/** @param {{names: readonly string[], label: string}} properties `label` is the kind whose costs are drawn */
export function PolicyPage({ names, label }) {
  /** @type {import("../ui/preact.js").Signal<Policy | null | undefined>} */
  const policy = useSignal(undefined);
  const failure = useSignal("");
  const read = () => {
    failure.value = "";
    get("/api/policy").then(
      (found) => (policy.value = found),
      (error) => (failure.value = error.message),
    );
  };
  useEffect(read, []);
  if (failure.value !== "") return html`<${Failure} message=${failure.value} retry=${read} />`;
  if (policy.value === undefined) return html`<${Waiting} />`;
  if (policy.value === null) return html`<${Nothing} />`;
  const found = policy.value;
  const rules = found.rules.toSorted((a, b) => Number(a.label === ALL) - Number(b.label === ALL));
  const labels = [ALL, ...rules.map((rule) => rule.label).filter((one) => one !== ALL)];
  const chosen = labels.includes(label) ? label : ALL;
  return html`<section class="policy">
    <h2>Which system for which question</h2>
    <p class="lead">Where nothing better is proven, <code>auto</code> asks <${System} name=${found.default}
      names=${names} />. For ${count(found.policy.choices.length)} kinds of questions it does something else.</p>
    <${Scale} />
    <div class="rules">
      ${rules.map((rule) => html`<${RuleRow} key=${rule.label} rule=${rule} learned=${found.policy} names=${names} />`)}
    </div>
    <ul class="key">
      <li><span class="dot default"></span>the default</li>
      <li><span class="dot chosen"></span>what is used</li>
      <li><span class="dot other"></span>what else was tried</li>
      <li><span class="gain"></span>gain, the mark is what is certain of it</li>
    </ul>
    <${Frontier} labels=${labels} label=${chosen} estimates=${found.policy.estimates}
      used=${found.rules.find((rule) => rule.label === chosen)?.use ?? found.default} />
    <${Decisions} names=${names} />
    <h2>In words</h2>
    <ul class="remarks">${found.remarks.map((remark) => html`<li key=${remark}><${Quoted} text=${remark} /></li>`)}</ul>
    <p class="soft small">Learned <${Ago}
      time=${found.created} /> from ${found.policy.suite || "calibration questions"}, in <code>${found.file}
        </code>. <code>agentnet policy show</code> says the same in a terminal.</p>
  </section>`;
}

function Nothing() {
  return html`<${Empty} title="Nothing was learned about this network yet">
    <p><code>auto</code> asks the member whose card proves most, and no other. Calibration questions show where
      a vote, a cascade or a delegation is worth its cost:</p>
    <p><code>agentnet learn SUITE</code></p>
    <p>This page then shows which system is used for which kind of question, what it gains for certain, and what it
      costs.</p>
  <//>`;
}

function Scale() {
  return html`<div class="rule scale" aria-hidden="true">
    <span></span><span class="strip">
      ${[0, 25, 50, 75, 100].map((share) =>
        html`<span key=${share} class="tick" style=${{ left: `${share}%` }}>${share} %</span>`)}</span><span></span>
  </div>`;
}

/** @param {{rule: Rule, learned: Learned, names: readonly string[]}} properties */
function RuleRow({ rule, learned, names }) {
  const estimates = learned.estimates.filter((estimate) => estimate.label === rule.label);
  /** @param {string} name */
  const of = (name) => estimates.find((estimate) => estimate.candidate === name);
  const choice = learned.choices.find((one) => one.label === rule.label);
  const [before, now] = [of(learned.default), of(rule.use)];
  const colour = colourOf(rule.use, names);
  const title = rule.label === ALL ? "anything else" : rule.label;
  const right = now ? `, ${percent(now.accuracy)} right` : "";
  const instead = choice && before ? `, instead of ${learned.default} with ${percent(before.accuracy)}` : "";
  const told = `${title}: ${rule.use}${right}${instead}`;
  return html`<div class="rule" style=${colour === null ? {} : { "--agent": colour }}>
    <a class="label" href=${link(["network", "auto"], { label: rule.label === ALL ? undefined : rule.label })}>
      ${title}</a>
    <span class="strip" role="img" aria-label=${told}>
      ${estimates.map((estimate) =>
        html`<span key=${estimate.candidate} class="dot other"
          title=${`${estimate.candidate}: ${percent(estimate.accuracy)}`}
            style=${{ left: `${100 * estimate.accuracy}%` }}></span>`)}
      ${choice && before && now &&
        html`<span class="gain"
          style=${{ left: `${100 * before.accuracy}%`, width:
            `${100 * Math.max(0, now.accuracy - before.accuracy)}%` }}></span>
        <span class="least" title=${`gain of at least ${points(choice.gain_low)}`}
          style=${{ left: `${100 * (before.accuracy + choice.gain_low)}%` }}></span>`}
      ${before && html`<span class="dot default" title=${`${learned.default}: ${percent(before.accuracy)}`}
        style=${{ left: `${100 * before.accuracy}%` }}></span>`}
      ${now && html`<span class="dot chosen" title=${`${rule.use}: ${percent(now.accuracy)}`}
        style=${{ left: `${100 * now.accuracy}%` }}></span>`}
    </span>
    <div class="use">
      <p><${System} name=${rule.use}
        names=${names} /> ${now && html`<b>${percent(now.accuracy)}</b>`} ${choice &&
          html`<span class="good">${points(choice.gain)}</span>`}</p>
      <details><summary>why</summary><ul>${rule.evidence.map((one) => html`<li key=${one}>${one}</li>`)}</ul></details>
    </div>
  </div>`;
}

/** @param {number} gain a share */
function points(gain) {
  return `${gain < 0 ? "−" : "+"}${Math.abs(100 * gain).toFixed(1)} points`;
}
