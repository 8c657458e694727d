/** The timeline of a replay: a lane for each speaker, a bar for each turn. A click moves the replay there. */

import { html } from "../ui/preact.js";
import { Agent, coloured } from "../ui/elements.js";
import { Position } from "./playback.js";

/** @typedef {import("./player.js").Player} Player */

/** @param {{player: Player}} properties */
export function Timeline({ player }) {
  const { turns, members } = player.recording;
  const speakers = [...new Set(turns.map((turn) => turn.message.sender))];
  return html`<div class="replay-lanes">
    <div class="replay-lane"><span></span><${Position} player=${player} /></div>
    <div class="replay-lanes-all" aria-hidden="true">
      ${speakers.map((speaker) => html`<div class="replay-lane" key=${speaker}>
        <span class="replay-speaker"><${Agent} name=${speaker} members=${members} /></span>
        <${Track} player=${player} speaker=${speaker} />
      </div>`)}
      <div class="replay-lane replay-now"><span></span><div class="replay-track"><${Now} player=${player} /></div></div>
    </div>
  </div>`;
}

/** @param {{player: Player, speaker: string}} properties */
function Track({ player, speaker }) {
  const { turns, members, length } = player.recording;
  return html`<div class="replay-track" style=${coloured(speaker, members)}
    onClick=${(/** @type {MouseEvent} */ event) => player.seek(along(event) * length)}>
    ${turns.filter((turn) => turn.message.sender === speaker).map(({ message, shown, start, end }) =>
      end > start
        ? html`<span key=${message.id} class="replay-bar" title=${shown?.kind}
            style=${{ left: part(start, length), width: part(end - start, length) }}></span>`
        : html`<span key=${message.id} class="replay-point" title=${shown?.kind}
            style=${{ left: part(end, length) }}></span>`)}
  </div>`;
}

/** The line at the position. @param {{player: Player}} properties */
function Now({ player }) {
  const left = part(player.position.value, player.recording.length);
  return html`<span class="replay-line" style=${{ left }}></span>`;
}

/** @param {number} seconds @param {number} length */
function part(seconds, length) {
  return `${length === 0 ? 0 : (seconds / length) * 100}%`;
}

/** How far along its track a click was, from 0 to 1. @param {MouseEvent} event */
function along(event) {
  const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  return box.width === 0 ? 0 : (event.clientX - box.left) / box.width;
}
