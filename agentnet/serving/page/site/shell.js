/** The frame of every view: its navigation, who reads it, and the view that the route names. */

import { html, signal, useEffect, useRef } from "./ui/preact.js";
import { Empty, Failure, Waiting } from "./ui/elements.js";
import { ShortcutsButton, useShortcuts } from "./ui/shortcuts.js";
import { ThemeButton } from "./ui/theme.js";
import { go, link, route } from "./routing.js";
import { may, refreshSession, session, trouble } from "./session.js";
import { SignIn, SignInAgain, SignedIn } from "./signin.js";

/** @typedef {(properties: {route: import("./routing.js").Route}) => any} View */

/**
 * The views; `scope` is that of the keys that they are for.
 * @type {{name: string, title: string, scope: string, load: () => Promise<{View: View}>}[]}
 */
const VIEWS = [
  { name: "ask", title: "Ask", scope: "ask", load: () => import("./views/ask.js") },
  { name: "fusion", title: "Fusion", scope: "ask", load: () => import("./views/fusion.js") },
  { name: "runs", title: "Runs", scope: "ask", load: () => import("./views/runs.js") },
  { name: "network", title: "Network", scope: "ask", load: () => import("./views/network.js") },
  { name: "evaluations", title: "Evaluations", scope: "admin", load: () => import("./views/evaluations.js") },
  { name: "protocols", title: "Protocols", scope: "ask", load: () => import("./views/protocols.js") },
];

/** @type {import("./ui/preact.js").Signal<Record<string, View>>} */
const loaded = signal({});
/** @type {import("./ui/preact.js").Signal<string>} */
const failed = signal("");

/** The whole page. */
export function Shell() {
  const current = route.value;
  const chosen = VIEWS.find((view) => view.name === (current.view || "ask"));
  useEffect(() => {
    document.title = chosen === undefined ? "AgentNet" : `${chosen.title} – AgentNet`;
    document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    if (chosen === undefined || chosen.name in loaded.value) return;
    failed.value = "";
    chosen.load().then(
      (module) => (loaded.value = { ...loaded.value, [chosen.name]: module.View }),
      () => (failed.value = "This part of the page did not load. Reload the page to try again."),
    );
  }, [chosen?.name]);
  useShortcuts(
    "Views",
    VIEWS.map((view, index) => ({ key: `${index + 1}`, what: view.title, run: () => go(link([view.name])) })),
  );
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <a class="brand" href=${link([])}><img src="/page/icon.svg" alt="" width="22" height="22" />AgentNet</a>
      <nav aria-label="Views">
        ${VIEWS.map(
          (view) => html`<a
            key=${view.name} href=${link([view.name])} aria-current=${view === chosen ? "page" : undefined}
          >${view.title}</a>`,
        )}
      </nav>
      <div class="own"><${SignedIn} /><${ShortcutsButton} /><${ThemeButton} /></div>
    </header>
    <main id="main" tabindex="-1" class=${`view-${chosen?.name ?? "none"}`}>
      <${Content} chosen=${chosen} current=${current} />
    </main>
  `;
}

/** @param {{chosen: (typeof VIEWS)[number] | undefined, current: import("./routing.js").Route}} properties */
function Content({ chosen, current }) {
  const wasRead = useRef(false);
  const told = session.value;
  if (told === null) {
    if (trouble.value === "") return html`<${Waiting} />`;
    return html`<${Failure} message=${trouble.value} retry=${refreshSession} />`;
  }
  if (told.caller !== null) wasRead.current = true;
  if (!wasRead.current) return html`<${SignIn} />`;
  return html`
    <${Shown} chosen=${chosen} current=${current} />
    ${told.caller === null && html`<${SignInAgain} />`}
  `;
}

/** @param {{chosen: (typeof VIEWS)[number] | undefined, current: import("./routing.js").Route}} properties */
function Shown({ chosen, current }) {
  if (chosen === undefined) {
    return html`<${Failure} message=${`There is no view ${current.view}: choose one above.`} />`;
  }
  if (session.value?.caller && !may(chosen.scope)) {
    return html`<${NotAllowed} title=${chosen.title} scope=${chosen.scope} />`;
  }
  const View = loaded.value[chosen.name];
  if (View !== undefined) return html`<${View} route=${current} />`;
  return failed.value === "" ? html`<${Waiting} />` : html`<${Failure} message=${failed.value} />`;
}

/** @param {{title: string, scope: string}} properties */
function NotAllowed({ title, scope }) {
  return html`<${Empty} title=${`${title}: not with this key`}>
    <p>
      You are signed in with the key ${session.value?.caller?.name}, which lacks the scope <code>${scope}</code>.${" "}
      The server’s owner makes one that has it:
    </p>
    <pre><code>agentnet keys create NAME --scope ${scope}</code></pre>
  <//>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
