/** The shape of a protocol in a few marks: dots are agents, a ring judges, a row is asked side by side. */

import { html } from "../ui/preact.js";
import { decided, read } from "./legend.js";

/** Dots that stand for all agents of a role, however many there are. */
const MANY = 6;

/** @param {{expression: unknown}} properties */
export function Sketch({ expression }) {
  return html`<span class="sketch" aria-hidden="true">${marks(expression, false)}</span>`;
}

/**
 * @param {unknown} expression
 * @param {boolean} several
 * @returns {any}
 */
function marks(expression, several) {
  const [kind, fields] = read(expression);
  switch (kind) {
    case "ask":
      return dots(String(fields.agent ?? ""), several);
    case "serial":
      return chain(listed(fields.steps).flatMap((part) => (Array.isArray(part) ? part : [part])));
    case "cascade":
      return html`<span class="falling">${chain(listed(fields.steps).flat())}</span>`;
    case "verify":
      return chain([marks(fields.proposer, false), judge()]);
    case "delegate":
      return chain([judge(), row(fields.workers ?? ["@solver"])]);
    case "parallel":
      return chain([row(repeated(fields)), ...(decided(fields.decide).agent === null ? [] : [judge()])]);
    case "debate":
      return row(fields.members, "all");
    case "fuse":
      return row(fields.members ?? ["@solver"], "fused-row");
    case "route":
      return row(fields.members ?? ["@solver"], "all");
    default:
      return html`<span class="row one-of"><i /><i /><i /></span>`;
  }
}

const judge = () => html`<i class="ring" />`;

/** @param {any[]} links */
function chain(links) {
  return html`<span class="chain">${links.map((link, index) => html`${index > 0 && html`<b />`}${link}`)}</span>`;
}

/**
 * @param {unknown} parts
 * @param {string} [how]
 */
function row(parts, how = "") {
  return html`<span class=${`row ${how}`}>${listed(parts)}</span>`;
}

/** @param {any} fields of `parallel` */
function repeated({ branches, times = 1 }) {
  return Array.from({ length: Math.min(times, MANY) }, () => branches).flat();
}

/**
 * @param {unknown} parts
 * @returns {any[]}
 */
function listed(parts) {
  return (Array.isArray(parts) ? parts : []).map((part) => marks(part, true));
}

/**
 * @param {string} selector
 * @param {boolean} several
 */
function dots(selector, several) {
  const [role = "", limit] = selector.split(":");
  const isOne = !several || !role.startsWith("@") || role === "@best";
  const number = isOne ? 1 : limit === undefined ? MANY : Math.min(Number(limit), MANY);
  return Array.from({ length: number }, () => html`<i />`);
}
