/** A run as a graph: the members in their colours, who is writing, whose words each of them read, how they judged. */

import { html, useEffect, useMemo, useRef, useSignal } from "../ui/preact.js";
import { coloured } from "../ui/elements.js";
import { Links } from "./links.js";
import { ringOf } from "./places.js";
import { CENTRE, Relations, actorOf, shownLinks } from "./relations.js";
import { sentence, tally } from "./sentences.js";
import { RelationsTable } from "./table.js";

/** @typedef {import("../run/state.js").RunState} RunState */

const MOST_LINKS = 120;
const LONGEST_ANSWER = 14;
/** Members whose place is higher than this (the cosine of its angle) have their words above them. */
const HIGH = 0.3;

/** @param {{state: RunState}} properties */
export function RunGraph({ state }) {
  const pick = state.chosen;
  const relations = useMemo(() => new Relations(), [state]);
  const entries = state.entries.value;
  const moved = relations.take(entries);
  const names = useMemo(() => namesOf(state.members.value, relations), [state.members.value, relations.actors.size]);
  const open = isGoing(state) ? entries.filter((entry) => entry.message.value === null) : [];
  const writing = new Set(open.map((entry) => actorOf(entry.agent)));
  const field = useRef(/** @type {HTMLElement | null} */ (null));
  const width = useWidth(field);
  const ring = useMemo(() => ringOf(names, width), [names, width]);
  const links = shownLinks(relations, names.includes(pick.value) ? pick.value : CENTRE, MOST_LINKS);
  const pointed = useSignal(/** @type {string | null} */ (null));
  const members = state.members.value;
  const middle = `${writing.has(CENTRE)} ${relations.decision?.answer} ${relations.decision?.how}`;
  const reading = relations.links.get(pointed.value ?? "");
  return html`
    <figure class=${`graph ${ring.isDense ? "dense" : "loose"} ${pick.value === CENTRE ? "" : "has-choice"}`}>
      <div class="graph-field" ref=${field} style=${{ height: `${ring.height}px` }}>
        <${Links} ...${{ ring, links, moved, fresh: relations.fresh, members, middle, pointed }} />
        <${Centre} relations=${relations} isWriting=${writing.has(CENTRE)} place=${ring.places.get(CENTRE)} />
        <ul class="graph-members" aria-label="Members">
          ${names.map((name) => {
            const actor = relations.actors.get(name);
            const place = ring.places.get(name);
            return html`<${Member}
              key=${name}
              ...${{ name, place, size: ring.size, members, pick }}
              standing=${writing.has(name) ? "writing" : standingOf(actor)}
              answer=${actor?.answer ?? ""}
              messages=${actor?.messages ?? 0}
              judged=${actor === undefined ? "" : tally(actor)}
            />`;
          })}
        </ul>
      </div>
      <figcaption>
        <p class="graph-now">${sentence(relations, reading, [...writing])}</p>
        ${links.length < relations.links.size && pick.value === CENTRE && html`<p class="soft">
          ${links.length} of ${relations.links.size} links are drawn, the strongest and the latest.${" "}
          Choose a member to see all of its links.
        </p>`}
      </figcaption>
      <${RelationsTable} relations=${relations} at=${relations.latest} names=${names} members=${members} pick=${pick} />
    </figure>
  `;
}

/**
 * @param {{relations: Relations, isWriting: boolean, place?: import("./places.js").Place}} properties
 */
function Centre({ relations, isWriting, place }) {
  const { decision } = relations;
  if (place === undefined || (decision === null && !isWriting)) return null;
  const verdict = decision?.approved === true ? "approved" : decision?.approved === false ? "not approved" : "";
  const mark = verdict === "approved" ? "good" : verdict === "" ? "soft" : "bad";
  const style = { left: `${place.x}px`, top: `${place.y}px` };
  const how = decision === null || decision.how.includes(verdict) ? decision?.how : `${decision.how}, ${verdict}`;
  return html`<div class=${`graph-centre ${isWriting ? "writing" : ""}`} style=${style}>
    ${decision === null
      ? html`<span class="soft">writing together</span>`
      : html`<b>${decision.answer}</b><span class=${mark}>${how}</span>`}
  </div>`;
}

/**
 * @param {{
 *   name: string, place?: import("./places.js").Place, size: number, members: readonly string[],
 *   standing: "writing" | "silent" | "failed" | "spoke", answer: string, messages: number, judged: string,
 *   pick: import("../ui/preact.js").Signal<string>,
 * }} properties
 */
function Member({ name, place, size, members, standing, answer, messages, judged, pick }) {
  if (place === undefined) return null;
  const isChosen = pick.value === name;
  const turned = place.angle > Math.PI ? " left" : "";
  const above = Math.cos(place.angle) > HIGH ? " above" : "";
  const style = {
    left: `${place.x}px`,
    top: `${place.y}px`,
    "--ray": `${place.angle - Math.PI / 2 + (turned === "" ? 0 : Math.PI)}rad`,
    "--size": `${size}px`,
    ...coloured(name, members),
  };
  const isWriting = standing === "writing";
  const classes = `graph-member ${standing}${isChosen ? " chosen" : ""}${turned}${above}`;
  const repeated = messages > 1 ? `×${messages}` : "";
  return html`<li class=${classes} style=${style}>
    <button
      type="button"
      aria-pressed=${isChosen}
      aria-label=${[name, isWriting ? "writing" : "", answer && `answers ${answer}`, judged].filter(Boolean).join(", ")}
      title=${answer ? `${name}: ${answer}` : name}
      onClick=${() => (pick.value = isChosen ? CENTRE : name)}
    >
      <span class="graph-disc">${standing === "failed" ? "✗" : isWriting ? "…" : repeated}</span>
      <span class="graph-name agent">${name}</span>
      <span class="graph-words" key=${answer}>
        ${answer && html`<span class="graph-answer">${shortened(answer)}</span>`}
        ${judged && html`<span class="graph-tally">${judged}</span>`}
      </span>
    </button>
  </li>`;
}

/** @param {import("./relations.js").Actor | undefined} actor */
function standingOf(actor) {
  if (actor === undefined) return "silent";
  return actor.hasFailed ? "failed" : "spoke";
}

/** @param {RunState} state */
function isGoing(state) {
  return state.status.value === "running";
}

/**
 * The members, and behind them those who spoke and are none now.
 * @param {readonly string[]} members
 * @param {Relations} relations
 */
function namesOf(members, relations) {
  const others = [...relations.actors.keys()].filter((name) => name !== CENTRE && !members.includes(name));
  return [...members, ...others];
}

/** @param {string} answer */
function shortened(answer) {
  const [line = ""] = answer.trim().split("\n", 1);
  return line.length > LONGEST_ANSWER ? `${line.slice(0, LONGEST_ANSWER - 1)}…` : line;
}

/**
 * Return the width of an element, now and after each change.
 * @param {{current: HTMLElement | null}} reference
 */
function useWidth(reference) {
  const width = useSignal(0);
  useEffect(() => {
    const element = reference.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => (width.value = element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width.value || 360;
}
