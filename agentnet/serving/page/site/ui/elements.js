/** Small pieces that all views use. */

import { html } from "./preact.js";
import { colourOf } from "./colours.js";

/** Something is on its way. */
export function Waiting({ what = "Loading" } = {}) {
  return html`<p class="waiting" role="status">${what}…</p>`;
}

/**
 * A failure: what is wrong, where, and what to do. `retry` offers to try again.
 * @param {{message: string, retry?: () => void}} properties
 */
export function Failure({ message, retry }) {
  return html`<div class="failure" role="alert">
    <p>${message}</p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/**
 * What stands where nothing is yet: what will be here, and how it comes.
 * @param {{title: string, children?: any}} properties
 */
export function Empty({ title, children }) {
  return html`<section class="empty"><h2>${title}</h2>${children}</section>`;
}

/**
 * The name of an agent in its colour. `members` are the network's, in its order.
 * @param {{name: string, members?: readonly string[]}} properties
 */
export function Agent({ name, members = [] }) {
  return html`<span class="agent" style=${coloured(name, members)}>${name}</span>`;
}

/**
 * Return the style that gives an element the colour of an agent.
 * @param {string} name
 * @param {readonly string[]} members
 * @returns {Record<string, string>}
 */
export function coloured(name, members) {
  const colour = colourOf(name, members);
  return colour === null ? {} : { "--agent": colour };
}

/**
 * What is said, as the server describes it for all that show it: terminal, notebooks, this page.
 * @typedef {object} Part
 * @property {string} text
 * @property {"plain" | "answer" | "detail" | "good" | "bad" | "warning" | "contested"} mark
 * @property {string | null} agent
 */

/**
 * @param {{parts: readonly Part[], members?: readonly string[]}} properties
 */
export function Parts({ parts, members = [] }) {
  return parts.map((part, index) => {
    const style = part.agent === null ? {} : coloured(part.agent, members);
    const agent = "--agent" in style ? " agent" : "";
    return html`<span key=${index} class=${`part ${part.mark}${agent}`} style=${style}>${part.text}</span>`;
  });
}

/** A text in which what stands in backquotes is code. @param {{text: string}} properties */
export function Quoted({ text }) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code key=${index}>${part}</code>` : part));
}

/** Made once: `toLocaleString` makes one for each number. */
const COUNTS = new Intl.NumberFormat("en");

/**
 * A count with narrow spaces that do not break, as `12 345`.
 * @param {number} value
 */
export function count(value) {
  return COUNTS.format(Math.round(value)).replaceAll(",", "\u202f");
}

/**
 * A share as a percentage: `97 %`; with a place behind the point where that says more.
 * @param {number} share
 */
export function percent(share) {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)}\u00a0%`;
}

/**
 * How long ago a time was, in words; the whole time in its title.
 * @param {{time: string}} properties
 */
export function Ago({ time }) {
  const then = new Date(time);
  const seconds = (Date.now() - then.getTime()) / 1000;
  return html`<time datetime=${time} title=${then.toLocaleString()}>${ago(seconds)}</time>`;
}

/** @param {number} seconds */
function ago(seconds) {
  for (const [unit, length] of /** @type {const} */ ([["d", 86400], ["h", 3600], ["min", 60]])) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return "just now";
}
