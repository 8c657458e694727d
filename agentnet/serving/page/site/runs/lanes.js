/** Who worked when: a lane for each speaker, a bar for each turn. A click moves the replay there. */

import { html } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { colourOf } from "../ui/colours.js";

/** @param {{player: import("./player.js").Player}} properties */
export function Lanes({ player }) {
  const { recording } = player;
  const speakers = [...new Set(recording.turns.map((turn) => turn.message.sender))];
  const part = (/** @type {number} */ seconds) => `${recording.length === 0 ? 0 : (seconds / recording.length) * 100}%`;
  return html`<div class="lanes" aria-hidden="true">
    ${speakers.map(
      (speaker) => html`<div class="lane" key=${speaker}>
        <span class="speaker"><${Agent} name=${speaker} members=${recording.members} /></span>
        <div class="track" onClick=${(/** @type {MouseEvent} */ event) => player.seek(clicked(event) * recording.length)}>
          ${recording.turns.filter((turn) => turn.message.sender === speaker).map((turn) => {
            const colour = colourOf(speaker, recording.members);
            const style = { left: part(turn.start), width: part(turn.end - turn.start), ...(colour && { "--agent": colour }) };
            return html`<span key=${turn.message.id} class=${turn.end > turn.start ? "bar" : "point"} style=${style} title=${turn.shown?.kind ?? ""}></span>`;
          })}
        </div>
      </div>`,
    )}
    <div class="lane now"><span class="speaker"></span><div class="track"><${Now} player=${player} part=${part} /></div></div>
  </div>`;
}

/** The line at the position. @param {{player: import("./player.js").Player, part: (seconds: number) => string}} properties */
function Now({ player, part }) {
  return html`<span class="line" style=${{ left: part(player.position.value) }}></span>`;
}

/**
 * How far along its track a click was, from 0 to 1.
 * @param {MouseEvent} event
 */
function clicked(event) {
  const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  return box.width === 0 ? 0 : (event.clientX - box.left) / box.width;
}
