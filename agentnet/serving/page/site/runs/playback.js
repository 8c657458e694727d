/** The controls of a replay: buttons, the position, and keys. */

import { html } from "../ui/preact.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { SPEEDS } from "./player.js";

/** @typedef {import("./player.js").Player} Player */
/** @typedef {{currentTarget: HTMLInputElement | HTMLSelectElement}} Chosen */

/** @param {{player: Player}} properties */
export function PlaybackControls({ player }) {
  const isPlaying = player.playing.value;
  return html`<div class="replay-controls">
    <button type="button" class="primary replay-play" onClick=${() => (isPlaying ? player.pause() : player.play())}>
      <span aria-hidden="true">${isPlaying ? "❚❚" : "▶"}</span>${isPlaying ? "Pause" : "Play"}
    </button>
    <button type="button" aria-label="A message back" onClick=${() => player.step(-1)}>
      <span aria-hidden="true">‹</span>
    </button>
    <button type="button" aria-label="A message on" onClick=${() => player.step(1)}>
      <span aria-hidden="true">›</span>
    </button>
    <select aria-label="Speed" value=${String(player.speed.value)}
      onChange=${(/** @type {Chosen} */ event) => (player.speed.value = Number(event.currentTarget.value))}>
      ${SPEEDS.map((speed) => html`<option key=${speed} value=${String(speed)}>${speed} ×</option>`)}
    </select>
    <${Clock} player=${player} />
    <span class="replay-keys">
      <kbd>space</kbd> play or pause <kbd>←</kbd><kbd>→</kbd> a message back or on <kbd>−</kbd><kbd>+</kbd> speed
    </span>
  </div>`;
}

/** @param {{player: Player}} properties */
function Clock({ player }) {
  const { recording } = player;
  const position = player.position.value;
  return html`<span class="replay-clock">
    ${clock(position)} / ${clock(recording.length)}
    <span class="soft">${said(player)}</span>
  </span>`;
}

/** @param {{player: Player}} properties */
export function Position({ player }) {
  const { length } = player.recording;
  const position = player.position.value;
  return html`<input class="replay-position" type="range" aria-label="Position" min="0" max=${length} step="any"
    value=${position}
    aria-valuetext=${`${said(player)}, ${clock(position)} of ${clock(length)}`}
    onInput=${(/** @type {Chosen} */ event) => player.seek(Number(event.currentTarget.value))} />`;
}

/** @param {Player} player */
function said({ recording, position }) {
  return `message ${recording.landed(position.value)} of ${recording.turns.length}`;
}

/** @param {number} seconds */
function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/**
 * The keys of a replay. On the position, the arrows move by messages.
 * @param {Player} player
 */
export function useKeys(player) {
  useShortcuts("Replay", [
    { key: " ", what: "Play or pause", run: () => (player.playing.value ? player.pause() : player.play()) },
    { key: "ArrowRight", what: "A message on", run: () => player.step(1) },
    { key: "ArrowLeft", what: "A message back", run: () => player.step(-1) },
    { key: "Home", what: "To the beginning", run: () => player.seek(0) },
    { key: "End", what: "To the end", run: () => player.seek(player.recording.length) },
    { key: "+", what: "Faster", run: () => player.change(1) },
    { key: "-", what: "Slower", run: () => player.change(-1) },
  ]);
}
