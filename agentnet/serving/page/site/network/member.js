/** One member: what it is, what is proven of it, how its tests stand, and how that came about. */

import { html, useEffect, useRef, useSignal } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { Agent, Empty, Failure, count, percent } from "../ui/elements.js";
import { shade } from "../ui/theme.js";
import { get } from "../api.js";
import { link } from "../routing.js";
import { Changes } from "./changes.js";
import { Interval, Key, told } from "./interval.js";
import { StandingMark, facts } from "./matrix.js";
import { ratio, seconds } from "./numbers.js";

/** @typedef {import("./living.js").Member} Member */
/** @typedef {import("./living.js").Change} Change */
/** @typedef {import("./living.js").Seat} Seat */
/** @typedef {import("./living.js").Test} Test */

/**
 * @param {{name: string, member: Member | undefined, names: readonly string[], floor: number, history: readonly
 *   Change[]}} properties
 *   `member` is undefined for one that is not there now
 */
export function MemberPage({ name, member, names, floor, history }) {
  const colour = colourOf(name, names);
  const past = history.filter((one) => one.member === name ||
    (one.about === "node" && (member?.nodes ?? []).includes(one.node)));
  if (member === undefined && past.length === 0) {
    return html`<${Failure} message=${`The network has no member ${name}, and nothing is known of one.`} />`;
  }
  return html`<article class="member" style=${colour === null ? {} : { "--agent": colour }}>
    <p class="back"><a href=${link(["network"])}>All members</a></p>
    <h1><${Agent} name=${name} members=${names} /> ${member && html`<${StandingMark} member=${member} />`}</h1>
    ${member === undefined &&
      html`<p class="soft">It is not there now: it left, or its node was taken off the network.</p>`}
    ${member && html`<${Facts} member=${member} />`}
    ${member && html`<${Abilities} member=${member} floor=${floor} />`}
    ${member?.seats.map((seat) => html`<${Tests} key=${seat.node} seat=${seat} />`)}
    ${member && member.seats.some((seat) => seat.calls > 0) && html`<${Work} seats=${member.seats} />`}
    <${Over} name=${name} measured=${member === undefined || member.seats.length > 0} />
    ${past.length > 0 &&
      html`<section><h2>What happened</h2><${Changes} history=${past} names=${names} /></section>`}
  </article>`;
}

/** @param {{member: Member}} properties */
function Facts({ member }) {
  const { card, kind, pack } = member;
  const { prompt, completion } = card.price;
  const price = prompt > 0 || completion > 0 ? `${prompt} and ${completion} for a million tokens read and written` : "";
  return html`<p class="about">${card.description}</p>
    <p class="soft">
      ${[facts(member), kind === "human" ? "" : `${kind} model`, pack && kind !== "human" ? `prompts of ${pack}` : "",
        card.license, price].filter(Boolean).join(" · ")}</p>`;
}

/** @param {{member: Member, floor: number}} properties */
function Abilities({ member, floor }) {
  if (member.kind === "human") return html`<${Empty} title="Persons are not measured">
    <p>A person counts as the network file says.</p><//>`;
  if (member.abilities.length === 0) {
    return html`<section>
      <h2>What it can</h2>
      <p class="soft">Nothing was measured yet. Hidden questions among its work will tell, or <code>agentnet
        measure ${member.name}</code>.</p>
    </section>`;
  }
  return html`<section class="abilities">
    <h2>What it can</h2>
    <div class="wide"><table>
      <thead><tr><th scope="col">kind</th><th scope="col">right answers</th><th scope="col">95 % interval</th>
        <th scope="col">proven</th><th scope="col">questions</th></tr></thead>
      <tbody>
        ${member.abilities.map((ability) => html`<tr key=${ability.label} title=${told(ability)}>
          <th scope="row">${ability.label}</th>
          <td><${Interval} ability=${ability} floor=${member.joined ? floor : undefined} /></td>
          <td>${ability.source === "claim" ? "–" : `${percent(ability.low)} to ${percent(ability.high)}`}</td>
          <td>${ability.proven > 0 ? percent(ability.proven) : "–"}</td>
          <td>${ability.source === "claim" ? "–" : count(ability.questions)}</td>
        </tr>`)}
      </tbody>
    </table></div>
    <${Key} floor=${member.joined ? floor : undefined} />
  </section>`;
}

/** The tests that are under way. @param {{seat: Seat}} properties */
function Tests({ seat }) {
  if (seat.tests.length === 0) return null;
  return html`<section class="tests">
    <h2>Its tests${seat.node !== "" && html` <span class="soft">on ${seat.node}</span>`}</h2>
    <p class="soft">Each compares two explanations of its answers to hidden questions, and decides once one is
      likelier than the other by the factor that is named. The scale is logarithmic.</p>
    ${seat.tests.map((test) => html`<${Progress} key=${`${test.name} ${test.label}`} test=${test} />`)}
  </section>`;
}

/** @param {{test: Test}} properties */
function Progress({ test }) {
  const done = Math.max(0, Math.min(1, Math.log(Math.max(test.statistic, 1)) / Math.log(test.bound)));
  const titles = {
    floor: `towards counting at ${test.label}`,
    expulsion: "towards being expelled",
    drift: "towards probation again, if it changed",
  };
  const words = `${test.right} of ${test.asked} right; evidence ${ratio(test.statistic)} of ${ratio(test.bound)}`;
  return html`<div class=${`progress ${test.name}`}>
    <span class="title">${titles[test.name]}</span>
    <span class="bar" role="img" aria-label=${`${Math.round(100 * done)} % of the way`}>
      <span style=${{ width: `${100 * done}%` }}></span></span>
    <span class="soft small">${words}</span>
  </div>`;
}

/** @param {{seats: readonly Seat[]}} properties */
function Work({ seats }) {
  return html`<section class="its-work">
    <h2>Its work</h2>
    <div class="wide"><table>
      <thead><tr>
        <th scope="col">where</th><th scope="col">turns</th><th scope="col">hidden questions</th>
          <th scope="col">failed</th><th scope="col">refused or unreadable</th>
        <th scope="col">a turn takes</th><th scope="col">first token</th><th scope="col">tokens/s</th>
      </tr></thead>
      <tbody>${seats.map((seat) => html`<tr key=${seat.node}>
        <th scope="row">${seat.node || "in process"}</th>
        <td>${count(seat.calls)}</td>
        <td>${count(seat.canaries)}</td>
        <td class=${seat.failures > 0.5 ? "bad" : ""}>${share(seat.failures, seat.calls)}</td>
        <td>${share(seat.refusals, seat.calls)}</td>
        <td>${seconds(seat.seconds.median)}
          ${seat.seconds.p95 !== null && html` <span class="soft">95 %: ${seconds(seat.seconds.p95)}</span>`}</td>
        <td>${seconds(seat.first_token.median)}</td>
        <td>${seat.speed.median === null ? "–" : count(seat.speed.median)}</td>
      </tr>`)}</tbody>
    </table></div>
  </section>`;
}

/** @param {number} part @param {number} all */
function share(part, all) {
  return all > 0 ? percent(part / all) : "–";
}

/** The course of its profile, drawn by the server. @param {{name: string, measured: boolean}} properties */
function Over({ name, measured }) {
  const place = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const width = useSignal(0);
  /** @type {import("../ui/preact.js").Signal<{node: string, nodes: string[], answers: {right: boolean}[]} | null>} */
  const course = useSignal(null);
  const node = useSignal("");
  useEffect(() => {
    if (place.current !== null) width.value = Math.max(280, Math.min(1180, Math.floor(place.current.clientWidth)));
    if (!measured) return;
    const query = node.value === "" ? "" : `?node=${encodeURIComponent(node.value)}`;
    get(`/api/network/members/${encodeURIComponent(name)}/course${query}`).then(
      (found) => (course.value = found),
      () => (course.value = null),
    );
  }, [name, measured, node.value]);
  const found = course.value;
  const query = new URLSearchParams({ theme: shade.value, width: String(width.value), zone:
    String(-new Date().getTimezoneOffset()), ...(found?.node ? { node: found.node } : {}) });
  const right = found?.answers.filter((answer) => answer.right).length ?? 0;
  const told = [
    `Accuracy of ${name} over time with its 95 % interval, for each kind of question.`,
    `Of its latest ${found?.answers.length ?? 0} graded answers ${right} were right.`,
  ].join(" ");
  return html`<section class="course" ref=${place}>
    <h2>How that came about</h2>
    ${(!measured || found?.answers.length === 0) &&
      html`<p class="soft">None of its answers was graded here yet: what stands above is from its card. Every answer to a
        hidden question, to <code>agentnet measure</code>, and every outcome that users report will be drawn here.</p>`}
    ${found && found.nodes.length > 1 &&
      html`<p><label>on node <select value=${found.node}
        onChange=${(/** @type {any} */ event) => (node.value = event.target.value)}>
      ${found.nodes.map((one) => html`<option key=${one}>${one}</option>`)}
    </select></label></p>`}
    ${found && found.answers.length > 0 && width.value > 0 && html`<img
      src=${`/api/network/members/${encodeURIComponent(name)}/course.svg?${query}`} width=${width.value}
      alt=${told} />
      <p class="soft small">A line at the foot is a graded answer: green right, red wrong; a diamond is what a user
        reported. Where the ground is tinted, its answers counted nothing.</p>`}
  </section>`;
}
