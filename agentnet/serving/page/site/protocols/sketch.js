/** The shape of a protocol in a few marks: dots are agents, a ring judges, a row is asked side by side. */

import { html } from "../ui/preact.js";
import { decided, read } from "./words.js";

/** Dots that stand for all agents of a role, however many there are. */
const MANY = 4;

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
      return html`<span class="chain">${parts(fields.steps)}</span>`;
    case "cascade":
      return html`<span class="chain falling">${parts(fields.steps)}</span>`;
    case "verify":
      return html`<span class="chain">${marks(fields.proposer, false)}<i class="ring" /></span>`;
    case "delegate":
      return html`<span class="chain"><i class="ring" /><span class="row">${parts(fields.workers ?? ["@solver"])}</span></span>`;
    case "parallel":
      return html`<span class="chain"><span class="row">${repeated(fields)}</span>${decided(fields.decide).agent !== null && html`<i class="ring" />`}</span>`;
    case "debate":
      return html`<span class="row all">${parts(fields.members)}</span>`;
    case "fuse":
      return html`<span class="row fused-row">${parts(fields.members ?? ["@solver"])}</span>`;
    case "route":
      return html`<span class="row all">${parts(fields.members ?? ["@solver"])}</span>`;
    default:
      return html`<i class="chosen-dot" />`;
  }
}

/** @param {any} fields of `parallel` */
function repeated({ branches, times = 1 }) {
  return Array.from({ length: Math.min(times, MANY + 1) }, () => parts(branches));
}

/** @param {unknown} list */
function parts(list) {
  return (Array.isArray(list) ? list : []).map((part) => marks(part, true));
}

/**
 * @param {string} selector
 * @param {boolean} several
 */
function dots(selector, several) {
  const [role = "", limit] = selector.split(":");
  const number = !several || !role.startsWith("@") || role === "@best" ? 1 : limit === undefined ? MANY : Math.min(Number(limit), MANY);
  return Array.from({ length: number }, () => html`<i />`);
}
