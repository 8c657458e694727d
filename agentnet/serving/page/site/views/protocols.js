/** The protocols: which there are, how each runs, and writing one. */

import { html, useEffect, useState } from "../ui/preact.js";
import { Failure, Quoted, Waiting } from "../ui/elements.js";
import { get } from "../api.js";
import { link } from "../routing.js";
import { Cards } from "../protocols/cards.js";
import { Workshop } from "../protocols/workshop.js";

/** @typedef {import("../protocols/cards.js").Protocol} Protocol */

const NEW = `# @ROLE is who has the role on its card
verify:
  proposer:
    parallel:
      branches: ["@solver:3"]
      decide: majority
  verifier: "@verifier"
  retries: 1
`;

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const [known, setKnown] = useState(/** @type {{protocols: Protocol[], members: string[]} | null} */ (null));
  const [failure, setFailure] = useState("");
  const load = () => {
    setFailure("");
    Promise.all([get("/api/protocols"), get("/api/network")]).then(
      ([protocols, network]) => {
        const members = network.members.map((/** @type {{name: string}} */ member) => member.name);
        setKnown({ protocols, members });
      },
      (error) => setFailure(error.message),
    );
  };
  useEffect(load, []);
  if (failure !== "") return html`<${Failure} message=${failure} retry=${load} />`;
  if (known === null) return html`<${Waiting} />`;
  const [name] = route.rest;
  if (route.query.has("write")) return html`<${Own} members=${known.members} />`;
  if (name === undefined) return html`<${Cards} ...${known} />`;
  const protocol = known.protocols.find((one) => one.name === name);
  if (protocol === undefined) {
    return html`<${Failure} message=${`There is no protocol ${name}.`} /><p><a
      href=${link(["protocols"])}>All protocols</a></p>`;
  }
  return html`<${Shown} key=${name} protocol=${protocol} members=${known.members} />`;
}

/** @param {{protocol: Protocol, members: string[]}} properties */
function Shown({ protocol, members }) {
  const { name, summary, description, calls, source, yaml, expression, ready, problem } = protocol;
  return html`<article>
    <p class="crumbs"><a href=${link(["protocols"])}>All protocols</a> · <a
      href=${link(["runs"], { protocol: name })}>Its runs</a></p>
    <h1>${name}</h1>
    <p class="one-line">${summary}</p>
    <p class="soft lead"><${Quoted} text=${description} /></p>
    <dl>
      <dt>Model calls</dt><dd>${calls}</dd>
      <dt>From</dt><dd>${source}</dd>
      ${!ready && html`<dt>Not ready</dt><dd class="not-ready">${problem}</dd>`}
    </dl>
    <${Workshop} name=${name} original=${yaml} expression=${expression} named=${true} members=${members} />
  </article>`;
}

/** @param {{members: string[]}} properties */
function Own({ members }) {
  return html`<article>
    <p class="crumbs"><a href=${link(["protocols"])}>All protocols</a></p>
    <h1>A protocol of your own</h1>
    <p class="soft lead">A protocol is a tree: each part asks agents, or other parts, and says what becomes of their
      answers. It is checked as you type, against the members of this network.</p>
    <${Workshop} name="own" original=${NEW} named=${false} members=${members} />
  </article>`;
}
