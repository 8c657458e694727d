/** Who was there when: a lane for each node and each member, with its states as bars from the left to now. */

import { html } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";

/** @typedef {import("./living.js").Happening} Happening */
/** @typedef {{after: string, from: number, until: number, why: string}} Bar */
/** @typedef {{name: string, about: "node" | "member", bars: Bar[]}} Lane */

const MOST = 24;
const ABSENT = new Set(["gone", "forgotten", ""]);

/** @param {{history: readonly Happening[], names: readonly string[]}} properties `history` newest first */
export function Lanes({ history, names }) {
  const now = Date.now();
  const first = new Date(history.at(-1)?.time ?? now).getTime();
  const lanes = lanesOf(history, now).slice(0, MOST);
  const span = Math.max(now - first, 60_000);
  const start = now - span;
  /** @param {number} time */
  const place = (time) => `${(100 * (time - start)) / span}%`;
  return html`<section class="lanes">
    <h2>Who was there when</h2>
    <div class="lane axis" aria-hidden="true">
      <span></span>
      <span class="strip">${ticks(start, now).map(({ time, label }) => html`<span key=${time} class="tick" style=${{ left: place(time) }}>${label}</span>`)}</span>
    </div>
    ${lanes.map((lane) => html`<div class="lane" key=${`${lane.about} ${lane.name}`}>
      <span class="who">${lane.about === "node" ? lane.name : html`<${Agent} name=${lane.name} members=${names} />`}</span>
      <span class="strip" role="img" aria-label=${`${lane.about} ${lane.name}: ${lane.bars.map((bar) => bar.after || "away").join(", then ")}`}>
        ${lane.bars.filter((bar) => !ABSENT.has(bar.after)).map((bar) => html`<span key=${bar.from} class=${`bar ${bar.after}`} title=${`${bar.after}: ${bar.why}`} style=${{ left: place(bar.from), width: `max(3px, ${(100 * (bar.until - bar.from)) / span}%)` }}></span>`)}
      </span>
    </div>`)}
    <ul class="key small">
      ${["active", "suspect", "probation", "expelled"].map((state) => html`<li key=${state}><span class=${`swatch bar ${state}`}></span>${state}</li>`)}
    </ul>
  </section>`;
}

/**
 * Each subject's states in order, nodes first.
 * @param {readonly Happening[]} history @param {number} now
 * @returns {Lane[]}
 */
export function lanesOf(history, now) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  for (const { about, member, node, after, time, why } of history.toReversed()) {
    const name = about === "node" ? node : (member ?? "");
    const key = `${about} ${name} ${about === "member" ? node : ""}`;
    const lane = lanes.get(key) ?? { name, about, bars: [] };
    lanes.set(key, lane);
    const from = new Date(time).getTime();
    const last = lane.bars.at(-1);
    if (last !== undefined) last.until = from;
    lane.bars.push({ after, from, until: now, why });
  }
  return [...lanes.values()].toSorted((a, b) => Number(a.about === "member") - Number(b.about === "member"));
}

/**
 * A few round times between two times.
 * @param {number} start @param {number} end
 */
function ticks(start, end) {
  const minute = 60_000;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200].map((step) => step * minute);
  const step = steps.find((one) => (end - start) / one <= 4) ?? (end - start) / 4;
  const offset = new Date(end).getTimezoneOffset() * minute;
  const found = [];
  for (let time = Math.ceil((start - offset) / step) * step + offset; time < end - step / 6; time += step) {
    const date = new Date(time);
    const label = step >= 1440 * minute ? date.toLocaleDateString(undefined, { day: "numeric", month: "short" }) : date.toLocaleTimeString(undefined, { timeStyle: "short" });
    found.push({ time, label });
  }
  return [...found, { time: end, label: "now" }];
}
