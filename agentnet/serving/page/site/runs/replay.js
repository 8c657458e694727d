/** A run, played again at any speed. */

import { html, useEffect, useMemo, useRef } from "../ui/preact.js";
import { Empty, Failure, Waiting } from "../ui/elements.js";
import { link } from "../routing.js";
import { useRun } from "../run/following.js";
import { RunView } from "../run/view.js";
import { PlaybackControls, useKeys } from "./playback.js";
import { Player } from "./player.js";
import { Recording } from "./recording.js";
import { Timeline } from "./timeline.js";

/** How far below the window the end of the run may lie, in pixels, so that it is followed while the replay plays. */
const NEAR = 500;

/** @param {{id: string, at: number}} properties `at`: messages that have landed when it begins; 0: it plays at once */
export function Replay({ id, at }) {
  const { state, following } = useRun(id);
  const isOver = state.ended.value !== null;
  const player = useMemo(() => (isOver ? new Player(new Recording(state)) : null), [state, isOver]);
  const problem = following.problem.value;
  const isRunning = following.connection.value === "live" && state.entries.value.length > 0;
  return html`
    <p class="crumbs"><a href=${link(["runs"])}>Runs</a> › <a href=${link(["runs", id])}>${id}</a> › Replay</p>
    ${problem !== "" && html`<${Failure} message=${problem} retry=${following.again} />`}
    ${player !== null && html`<${Stage} player=${player} at=${at} />`}
    ${player === null && !isRunning && problem === "" && html`<${Waiting} what="Reading what was said" />`}
    ${player === null && isRunning && html`<${Empty} title="This run is not over">
      <p>It can be played again when it is. <a href=${link(["runs", id])}>Watch it</a> until then.</p>
    <//>`}
  `;
}

/** @param {{player: Player, at: number}} properties */
function Stage({ player, at }) {
  const end = useRef(/** @type {HTMLElement | null} */ (null));
  const steering = useMemo(
    () => html`<${PlaybackControls} player=${player} /><${Timeline} player=${player} />`,
    [player],
  );
  const entries = player.state.value.entries.value.length;
  useKeys(player);
  useEffect(() => {
    if (at > 0) player.show(at);
    else if (!matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
    return () => player.pause();
  }, [player, at]);
  useEffect(() => {
    const below = (end.current?.getBoundingClientRect().top ?? 0) - innerHeight;
    if (player.playing.value && below > 0 && below < NEAR) end.current?.scrollIntoView({ block: "end" });
  }, [entries]);
  return html`
    <section class="player" aria-label="Replay">${steering}</section>
    <${RunView} state=${player.state.value} />
    <div ref=${end}></div>
  `;
}
