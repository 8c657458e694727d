/** A run, played again at any speed. */

import { html, useEffect, useMemo } from "../ui/preact.js";
import { Empty, Failure, Waiting } from "../ui/elements.js";
import { link } from "../routing.js";
import { Entries } from "./entries.js";
import { useRun } from "./following.js";
import { Lanes } from "./lanes.js";
import { Player, SPEEDS } from "./player.js";
import { Recording } from "./recording.js";
import { shortened } from "./words.js";

/** @typedef {import("./player.js").Player} Playing */

/** @param {{id: string}} properties */
export function Replay({ id }) {
  const { state, record, problem, following } = useRun(id);
  const over = state.ended.value !== null;
  const player = useMemo(() => (over ? new Player(new Recording(state)) : null), [state, over]);
  useEffect(() => {
    if (player !== null && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
    return () => player?.pause();
  }, [player]);
  if (problem !== "") return html`<${Failure} message=${problem} />`;
  if (record === null) return html`<${Waiting} what="Reading the run" />`;
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>Runs</a> › <a href=${link(["runs", id])}>${id}</a> › Replay</p>
    <h1 class="question">${shortened(record.task, 300)}</h1>
    ${following?.problem.value && html`<${Failure} message=${following.problem.value} />`}
    ${player !== null && html`<${Stage} player=${player} />`}
    ${player === null && record.status !== "running" && html`<${Waiting} what="Reading what was said" />`}
    ${player === null && record.status === "running" && html`<${Empty} title="This run is not over">
      <p>It can be played again when it is. <a href=${link(["runs", id])}>Watch it</a> until then.</p>
    </${Empty}>`}
  `;
}

/** @param {{player: Playing}} properties */
function Stage({ player }) {
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => steer(player, event);
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [player]);
  return html`
    <section class="player" aria-label="Replay">
      <${Controls} player=${player} />
      <${Lanes} player=${player} />
      <p class="keys"><kbd>space</kbd> play or pause <kbd>←</kbd> <kbd>→</kbd> a message back or on <kbd>−</kbd> <kbd>+</kbd> speed <kbd>home</kbd> <kbd>end</kbd></p>
    </section>
    <${Entries} state=${player.state.value} />
  `;
}

/** @param {{player: Playing}} properties */
function Controls({ player }) {
  const playing = player.playing.value;
  const messages = player.recording.turns.length;
  return html`<div class="controls">
    <button type="button" class="primary play" onClick=${() => (playing ? player.pause() : player.play())}>
      <span aria-hidden="true">${playing ? "❚❚" : "▶"}</span> ${playing ? "Pause" : "Play"}
    </button>
    <button type="button" aria-label="A message back" onClick=${() => player.step(-1)}><span aria-hidden="true">‹</span></button>
    <button type="button" aria-label="A message on" onClick=${() => player.step(1)}><span aria-hidden="true">›</span></button>
    <${Position} player=${player} messages=${messages} />
    <select aria-label="Speed" value=${String(player.speed.value)} onChange=${(/** @type {any} */ event) => (player.speed.value = Number(event.currentTarget.value))}>
      ${SPEEDS.map((speed) => html`<option key=${speed} value=${String(speed)}>${speed} ×</option>`)}
    </select>
  </div>`;
}

/** @param {{player: Playing, messages: number}} properties */
function Position({ player, messages }) {
  const { recording } = player;
  const position = player.position.value;
  const said = `message ${recording.landed(position)} of ${messages}`;
  return html`
    <input class="position" type="range" aria-label="Position" aria-valuetext=${`${said}, ${clock(position)} of ${clock(recording.length)}`}
      min="0" max=${recording.length} step="any" value=${position}
      onInput=${(/** @type {any} */ event) => player.seek(Number(event.currentTarget.value))} />
    <span class="clock">${clock(position)} / ${clock(recording.length)}<span class="soft">${said}</span></span>
  `;
}

/** @param {number} seconds */
function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/**
 * The keys of the replay. Those that a focused control needs for itself are left to it; the position moves by messages.
 * @param {Playing} player
 * @param {KeyboardEvent} event
 */
function steer(player, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const free = !target.closest("button, a, select, textarea, summary, dialog, input:not([type=range])");
  if (!free || event.ctrlKey || event.metaKey || event.altKey) return;
  /** @type {Record<string, () => void>} */
  const actions = {
    " ": () => (player.playing.value ? player.pause() : player.play()),
    ArrowLeft: () => player.step(-1),
    ArrowRight: () => player.step(1),
    Home: () => player.seek(0),
    End: () => player.seek(player.recording.length),
    "+": () => player.change(1),
    "=": () => player.change(1),
    "-": () => player.change(-1),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}
