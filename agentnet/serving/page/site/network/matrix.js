/** Members by kinds of questions: who is good at what, how certain that is, and how fast they are. */

import { html } from "../ui/preact.js";
import { colourOf } from "../ui/colours.js";
import { Agent, percent } from "../ui/elements.js";
import { go, link } from "../routing.js";
import { Interval } from "./interval.js";
import { seconds, size } from "./numbers.js";

/** @typedef {import("./living.js").Member} Member */
/** @typedef {import("./living.js").Ability} Ability */

/** @typedef {{title: string, about: string, labels: string[], members: Member[]}} Group */

/**
 * Members that answer questions, and those that do something for the others: plan, judge, verify.
 * @param {Member[]} members
 * @returns {Group[]}
 */
export function groups(members) {
  const labels = [...new Set(members.flatMap((member) => member.abilities.map((ability) => ability.label)))];
  const kinds = labels.filter((label) => !label.includes(":")).sort((a, b) =>
    breadth(members, b) - breadth(members, a));
  const duties = labels.filter((label) => label.includes(":"));
  const dutiful = members.filter((member) => member.abilities.length > 0 &&
    member.abilities.every(({ label }) => label.includes(":")));
  return [
    {
      title: "Who is good at what",
      about:
        "Share of right answers for each kind of question. The bar around the mark is where the true share is with " +
        "95\u00a0% certainty: the more questions, the shorter.",
      labels: kinds,
      members: members.filter((member) => !dutiful.includes(member)),
    },
    {
      title: "Who plans, judges and verifies",
      about: "Measured at the duty itself, such as telling right answers from wrong ones.",
      labels: duties,
      members: members.filter((member) => member.abilities.some(({ label }) => label.includes(":"))),
    },
  ].filter((group) => group.members.length > 0);
}

/**
 * How many members are measured at a label.
 * @param {Member[]} members
 * @param {string} label
 */
function breadth(members, label) {
  return members.filter((member) =>
    member.abilities.some((ability) => ability.label === label && ability.proven > 0.1)).length;
}

/**
 * @param {{group: Group, names: readonly string[], floor: number, sort: string}} properties `names` are all members, in
 *   the network's order; `sort` is a label, `speed`, or empty for the network's order
 */
export function Matrix({ group, names, floor, sort }) {
  const best = Object.fromEntries(group.labels.map((label) =>
    [label, Math.max(...group.members.map((member) => of(member, label)?.proven ?? 0))]));
  const rows = sorted(group.members, sort);
  return html`<section class="matrix">
    <h2>${group.title}</h2>
    <p class="soft">${group.about}</p>
    <div class="wide">
      <table style=${{ "--labels": group.labels.length }}>
        <thead>
          <tr>
            <th scope="col">member</th>
            ${group.labels.map((label) => html`<${Head} key=${label} name=${label} sort=${sort} />`)}
            <${Head} name="speed" sort=${sort} />
          </tr>
        </thead>
        <tbody>
          ${rows.map((member) =>
            html`<${Row} key=${member.name} member=${member} labels=${group.labels} names=${names} floor=${floor}
              best=${best} />`)}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** @param {{name: string, sort: string}} properties */
function Head({ name, sort }) {
  const chosen = name === sort;
  const choose = () => go(link(["network"], { sort: chosen ? undefined : name }), { replace: true });
  const label = chosen ? `Sorted by ${name}: back to the network's order` : `Sort by ${name}`;
  return html`<th scope="col" class=${name === "speed" ? "speed" : ""}
    aria-sort=${chosen ? (name === "speed" ? "ascending" : "descending") : undefined}>
    <button type="button" class="quiet" title=${label} onClick=${choose}>${name.replace(":", ": ")}</button>
  </th>`;
}

/**
 * @param {{member: Member, labels: string[], names: readonly string[], floor: number, best: Record<string,
 *   number>}} properties
 */
function Row({ member, labels, names, floor, best }) {
  const colour = colourOf(member.name, names);
  return html`<tr class=${weighs(member) ? "" : "out"} style=${colour === null ? {} : { "--agent": colour }}>
    <th scope="row">
      <a class="name" href=${link(["network", "members", member.name])}>
        <${Agent} name=${member.name} members=${names} /></a>
      <${StandingMark} member=${member} />
      <span class="what">${facts(member)}</span>
    </th>
    ${member.abilities.length === 0 &&
      html`<td class="unknown" colspan=${labels.length}>
        ${member.kind === "human" ? "a person is not measured" :
          "nothing is known of it yet: hidden questions among its work will tell"}</td>`}
    ${member.abilities.length > 0 && labels.map((label) => {
      const ability = of(member, label);
      return html`<td key=${label} class=${ability === undefined ? "none" : ""}>
        ${ability && html`<${Interval} ability=${ability} floor=${member.joined ? floor : undefined}
          best=${ability.proven > 0 && ability.proven === best[label]} />`}
      </td>`;
    })}
    <td class="speed"><${Speed} member=${member} /></td>
  </tr>`;
}

/**
 * The standing of a member, where it is not the usual one.
 * @param {{member: Member}} properties
 */
export function StandingMark({ member }) {
  if (member.standing === "expelled") return html`<span class="chip bad"
    title="A test showed that it gives less than it owes">expelled</span>`;
  if (member.probation) return html`<span class="chip warning"
    title="Its answers weigh nothing until it has proven itself">on probation</span>`;
  return null;
}

/** @param {{member: Member}} properties */
function Speed({ member }) {
  const seats = member.seats.filter((seat) => seat.seconds.count > 0);
  const calls = seats.reduce((sum, seat) => sum + seat.calls, 0);
  const failures = seats.reduce((sum, seat) => sum + seat.failures, 0);
  const time = turn(member);
  if (time === null) return html`<span class="soft">–</span>`;
  const speed = seats[0]?.speed.median ?? null;
  return html`<span>${seconds(time)}</span>
    ${speed !== null && html`<span class="soft"> · ${Math.round(speed)} tokens/s</span>`}
    ${calls > 0 && failures / calls >= 0.005 &&
      html`<span class="bad"> · ${percent(failures / calls)} failed</span>`}`;
}

/**
 * What a member is, in short.
 * @param {Member} member
 */
export function facts(member) {
  if (member.kind === "human") return "a person";
  const where = member.nodes.length > 0 ? `on ${member.nodes.join(", ")}` : "";
  const parameters = member.card.parameters === null ? "" : `${size(member.card.parameters)} parameters`;
  const roles = member.card.roles.filter((role) => role !== "solver").join(", ");
  return [where, parameters, roles].filter((part) => part !== "").join(" · ") || member.kind;
}

/**
 * Median seconds of a turn: measured here, else as its card says; null where neither tells.
 * @param {Member} member
 */
function turn(member) {
  const here = member.seats.find((seat) => seat.seconds.median !== null)?.seconds.median;
  if (here !== undefined && here !== null) return here;
  const said = Object.values(member.card.measured).flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
  return said.length > 0 ? (said.sort((a, b) => a - b)[said.length >> 1] ?? null) : null;
}

/** @param {Member} member @param {string} label */
function of(member, label) {
  return member.abilities.find((ability) => ability.label === label);
}

/** @param {Member} member */
function weighs(member) {
  return !member.probation && member.standing !== "expelled";
}

/** @param {Member[]} members @param {string} sort */
function sorted(members, sort) {
  if (sort === "") return members;
  if (sort === "speed") return members.toSorted((a, b) => (turn(a) ?? Infinity) - (turn(b) ?? Infinity));
  return members.toSorted((a, b) => (of(b, sort)?.proven ?? -1) - (of(a, sort)?.proven ?? -1));
}
