/** The Network view: who takes part, what is known of them, what happened, and what `auto` makes of it. */

import { html } from "../ui/preact.js";
import { Failure, Waiting, count } from "../ui/elements.js";
import { link } from "../routing.js";
import { History } from "../network/changes.js";
import { Key } from "../network/interval.js";
import { canaries, connected, failure, history, network, news, nodes, retry, useLiving } from "../network/living.js";
import { Matrix, groups } from "../network/matrix.js";
import { MemberPage } from "../network/member.js";
import { Nodes } from "../network/nodes.js";
import { PolicyPage } from "../network/policy.js";

/** @typedef {import("../network/living.js").Network} Network */

const PAGES = [
  { name: "", title: "Members" },
  { name: "history", title: "History" },
  { name: "auto", title: "What auto does" },
];

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  useLiving();
  const [page = "", name = ""] = route.rest;
  const found = network.value;
  if (found === null) {
    return failure.value === "" ? html`<${Waiting} what="Looking at the network" />` :
      html`<${Failure} message=${failure.value} retry=${retry} />`;
  }
  return html`
    ${page !== "members" && html`<${Head} found=${found} page=${page} />`}
    ${failure.value !== "" && html`<${Failure} message=${failure.value} retry=${retry} />`}
    <p class="unseen" aria-live="polite">${news.value}</p>
    ${content(page, name, found, route.query)}
  `;
}

/** @param {{found: Network, page: string}} properties */
function Head({ found, page }) {
  const probation = found.members.filter((member) => member.probation).length;
  const expelled = nodes.value.filter((node) => node.state === "expelled").length;
  const counts = [
    `${count(found.members.length)} members`,
    nodes.value.length > 0 ? `${count(nodes.value.length)} ${nodes.value.length === 1 ? "node" : "nodes"}` : "",
    probation > 0 ? `${probation} on probation` : "",
    expelled > 0 ? `${expelled} expelled` : "",
  ].filter((part) => part !== "");
  return html`<header class="head">
    <h1>${found.name}</h1>
    <p class="soft">${found.description}</p>
    <p class="counts">
      <span class=${`live ${connected.value ? "on" : ""}`}
        title=${connected.value ? "Changes arrive by themselves" : "Connecting to the server again"}>
          ${connected.value ? "live" : "connecting"}</span>
      ${counts.join(" · ")}
    </p>
    <nav class="pages" aria-label="Of the network">
      ${PAGES.map(({ name, title }) =>
        html`<a key=${name} href=${link(name === "" ? ["network"] : ["network", name])}
          aria-current=${name === page ? "page" : undefined}>${title}</a>`)}
    </nav>
  </header>`;
}

/**
 * @param {string} page
 * @param {string} name
 * @param {Network} found
 * @param {URLSearchParams} query
 */
function content(page, name, found, query) {
  const names = found.members.map((member) => member.name);
  const floor = found.canaries.floor;
  switch (page) {
    case "":
      return html`
        ${groups(found.members).map((group) =>
          html`<${Matrix} key=${group.title} group=${group} names=${names} floor=${floor}
            sort=${query.get("sort") ?? ""} />`)}
        <${Key} floor=${found.members.some((member) => member.joined) ? floor : undefined} />
        <${Nodes} nodes=${nodes.value} names=${names} join=${found.join} />
      `;
    case "history":
      return html`<${History} history=${history.value ?? []} canaries=${canaries.value} names=${names}
        query=${query} />`;
    case "auto":
      return html`<${PolicyPage} names=${names} label=${query.get("label") ?? "*"} />`;
    case "members": {
      const member = found.members.find((one) => one.name === name);
      return html`<${MemberPage} key=${name} name=${name} member=${member} names=${names} floor=${floor}
        history=${history.value ?? []} />`;
    }
    default:
      return html`<${Failure} message=${`The network has no page ${page}: choose one above.`} />`;
  }
}
