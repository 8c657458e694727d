/** Who was there when: a lane for each node and each member, with its states as bars from the left to now. */

import { html } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { link } from "../routing.js";

/** @typedef {import("./living.js").Change} Change */
/** @typedef {import("./living.js").Canary} Canary */
/** @typedef {{after: string, from: number, until: number, why: string}} Bar */
/** @typedef {{name: string, node: string, about: "node" | "member", bars: Bar[]}} Lane */

const MOST = 24;
const HOUR = 3_600_000;
const ALL = { name: "all", title: "all", length: Infinity };
const WINDOWS = [
  { name: "hour", title: "an hour", length: HOUR },
  { name: "day", title: "a day", length: 24 * HOUR },
  { name: "week", title: "a week", length: 168 * HOUR },
  ALL,
];
const ABSENT = new Set(["gone", "forgotten", ""]);

/**
 * @param {{history: readonly Change[], canaries: readonly Canary[], names: readonly string[], query:
 *   URLSearchParams}} properties
 *   `history` newest first; the query's `within` says how far back one looks
 */
export function Timeline({ history, canaries, names, query }) {
  const now = Date.now();
  const first = Math.min(...[...history.slice(-1), ...canaries].map(({ time }) => new Date(time).getTime()), now);
  const lanes = withAsked(lanesOf(history, now), canaries).slice(0, MOST);
  const within = WINDOWS.find(({ name }) => name === query.get("within")) ?? fitting(history, now);
  const span = Math.min(Math.max(now - first, 60_000), within.length);
  const start = now - span;
  /** @param {number} time */
  const place = (time) => `min(${(100 * (Math.max(time, start) - start)) / span}%, calc(100% - 3px))`;
  /** @param {Bar} bar */
  const width = (bar) => `max(3px, ${(100 * (bar.until - Math.max(bar.from, start))) / span}%)`;
  return html`<section class="lanes">
    <h2>Who was there when</h2>
    <p class="filter" role="group" aria-label="How far back">
      ${WINDOWS.map(({ name, title }) =>
        html`<a key=${name} class="button" aria-current=${name === within.name ? "true" : undefined}
          href=${link(["network", "history"], { about: query.get("about") ?? undefined, within: name })}>${title}</a>`)}
    </p>
    <div class="lane axis" aria-hidden="true">
      <span></span>
      <span class="strip">
        ${ticks(start, now).map(({ time, label }) =>
          html`<span key=${time} class="tick" style=${{ left: place(time) }}>${label}</span>`)}</span>
    </div>
    ${lanes.map((lane) => html`<div class="lane" key=${`${lane.about} ${lane.name} ${lane.node}`}>
      <span class="who">${lane.about === "node" ? lane.name : html`<${Agent} name=${lane.name} members=${names} />`}
        </span>
      <span class="strip" role="img"
        aria-label=${`${lane.about} ${lane.name}: ${lane.bars.map((bar) => bar.after).join(", then ") ||
          "asked hidden questions"}`}>
        ${lane.bars.filter((bar) => !ABSENT.has(bar.after) && bar.until > start).map((bar) =>
          html`<span key=${bar.from} class=${`bar ${bar.after}`} title=${`${bar.after}: ${bar.why}`}
            style=${{ left: place(bar.from), width: width(bar) }}></span>`)}
        ${lane.about === "member" &&
          canaries.filter((one) => one.member === lane.name && one.node === lane.node &&
            new Date(one.time).getTime() > start).map((one, number) =>
              html`<span key=${`canary ${number}`} class=${`canary ${one.right ? "right" : "wrong"}`}
                title=${`${one.label}: ${one.right ? "right" : "wrong"}`}
                  style=${{ left: place(new Date(one.time).getTime()) }}></span>`)}
      </span>
    </div>`)}
    <ul class="key small">
      ${["active", "suspect", "probation", "expelled"].map((state) =>
        html`<li key=${state}><span class=${`swatch bar ${state}`}></span>${state}</li>`)}
      <li><span class="swatch canary right"></span><span class="swatch canary wrong">
        </span>hidden question, right or wrong</li>
    </ul>
  </section>`;
}

/**
 * The shortest time that all changes lie in.
 * @param {readonly Change[]} history newest first
 * @param {number} now
 */
function fitting(history, now) {
  const oldest = history.at(-1);
  if (oldest === undefined) return ALL;
  return WINDOWS.find(({ length }) => now - new Date(oldest.time).getTime() <= length) ?? ALL;
}

/**
 * Each subject's states in order, nodes first.
 * @param {readonly Change[]} history @param {number} now
 * @returns {Lane[]}
 */
function lanesOf(history, now) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  for (const { about, member, node, after, time, why } of history.toReversed()) {
    const name = about === "node" ? node : (member ?? "");
    const key = `${about} ${name} ${about === "member" ? node : ""}`;
    const lane = lanes.get(key) ?? { name, node, about, bars: [] };
    lanes.set(key, lane);
    const from = new Date(time).getTime();
    const last = lane.bars.at(-1);
    if (last !== undefined) last.until = from;
    lane.bars.push({ after, from, until: now, why });
  }
  return [...lanes.values()].toSorted((a, b) => Number(a.about === "member") - Number(b.about === "member"));
}

/**
 * Timeline of members that were asked canaries and whose standing never changed, too.
 * @param {Lane[]} lanes @param {readonly Canary[]} canaries
 */
function withAsked(lanes, canaries) {
  const found = [...lanes];
  for (const { member, node } of canaries) {
    if (!found.some((lane) => lane.about === "member" && lane.name === member && lane.node === node)) {
      found.push({ name: member, node, about: "member", bars: [] });
    }
  }
  return found;
}

/**
 * A few round times between two times: as many as there is room for.
 * @param {number} start @param {number} end
 */
function ticks(start, end) {
  const most = innerWidth < 760 ? 3 : 6;
  const minute = 60_000;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200].map((step) => step * minute);
  const step = steps.find((one) => (end - start) / one <= most) ?? (end - start) / most;
  const offset = new Date(end).getTimezoneOffset() * minute;
  const found = [];
  for (let time = Math.ceil((start - offset) / step) * step + offset; time < end - (end - start) / 8; time += step) {
    const date = new Date(time);
    const label = step >= 1440 * minute ? date.toLocaleDateString(undefined, { day: "numeric", month: "short" }) :
      date.toLocaleTimeString(undefined, { timeStyle: "short" });
    found.push({ time, label });
  }
  return [...found, { time: end, label: "now" }];
}
