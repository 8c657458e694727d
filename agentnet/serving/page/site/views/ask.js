/** Asking the network, and watching it answer: `#/ask`, and `#/ask/RUN/RUN` for a conversation. */

import { html, useEffect } from "../ui/preact.js";
import { Agent } from "../ui/elements.js";
import { go, link } from "../routing.js";
import { Conversation } from "../ask/conversation.js";
import { Examples } from "../ask/examples.js";
import { Form, draft, offered } from "../ask/form.js";

const MOST_NAMES = 12;

/** @param {{route: import("../routing.js").Route}} properties */
export function View({ route }) {
  const past = route.rest.slice(0, -1).join("/");
  if (route.rest.length === 0) return html`<${Start} query=${route.query} />`;
  return html`<${Conversation} key=${past} runs=${route.rest} />`;
}

/**
 * @param {{query: URLSearchParams}} properties `question`, `protocol` (a name, or an expression as JSON) and `label` are
 *   filled in
 */
function Start({ query }) {
  useEffect(() => {
    for (const name of ["question", "protocol", "label"]) {
      if (query.has(name)) draft.value = { ...draft.value, [name]: query.get(name) ?? "" };
    }
  }, [query.toString()]);
  const network = offered.value?.network;
  const members = network?.members.map((member) => member.name) ?? [];

  /** @param {string} question @param {string} protocol */
  function choose(question, protocol) {
    draft.value = { ...draft.value, question, protocol };
    document.getElementById("question")?.focus();
  }

  return html`<div class="ask">
    <h1>Ask the network</h1>
    <p class="ask-members">
      ${network !== undefined && html`
        ${members.length === 1 ? "One member: " : `${members.length} members: `}
        ${members.slice(0, MOST_NAMES).map((name) => html`<${Agent} key=${name} name=${name} members=${members} /> `)}
        ${members.length > MOST_NAMES && "… "}<a href=${link(["network"])}>who they are</a>`}
    </p>
    <${Form} autofocus=${true} onAsked=${(/** @type {string} */ run) => go(link(["ask", run]))} />
    <${Examples} ways=${offered.value?.ways ?? []} onChoose=${choose} />
  </div>`;
}
