/** The frame of every view: its navigation, and the view that the route names. */

import { html, signal, useEffect } from "./ui/preact.js";
import { Failure, Waiting } from "./ui/elements.js";
import { ThemeButton } from "./ui/theme.js";
import { link, route } from "./routing.js";

/** @typedef {(properties: {route: import("./routing.js").Route}) => any} View */

/** @type {{name: string, title: string, load: () => Promise<{View: View}>}[]} */
const VIEWS = [
  { name: "ask", title: "Ask", load: () => import("./views/ask.js") },
  { name: "fusion", title: "Fusion", load: () => import("./views/fusion.js") },
  { name: "runs", title: "Runs", load: () => import("./views/runs.js") },
  { name: "network", title: "Network", load: () => import("./views/network.js") },
  { name: "evaluations", title: "Evaluations", load: () => import("./views/evaluations.js") },
  { name: "protocols", title: "Protocols", load: () => import("./views/protocols.js") },
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
    if (chosen === undefined || chosen.name in loaded.value) return;
    failed.value = "";
    chosen.load().then(
      (module) => (loaded.value = { ...loaded.value, [chosen.name]: module.View }),
      () => (failed.value = "This part of the page did not load. Reload the page to try again."),
    );
  }, [chosen?.name]);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <a class="brand" href=${link([])}><img src="/page/icon.svg" alt="" width="22" height="22" />AgentNet</a>
      <nav aria-label="Views">
        ${VIEWS.map(
          (view) => html`<a key=${view.name} href=${link([view.name])} aria-current=${view === chosen ? "page" : undefined}>${view.title}</a>`,
        )}
      </nav>
      <${ThemeButton} />
    </header>
    <main id="main" tabindex="-1" class=${`view-${chosen?.name ?? "none"}`}>${content(chosen, current)}</main>
  `;
}

/**
 * @param {(typeof VIEWS)[number] | undefined} chosen
 * @param {import("./routing.js").Route} current
 */
function content(chosen, current) {
  if (chosen === undefined) {
    return html`<${Failure} message=${`There is no view ${current.view}: choose one above.`} />`;
  }
  const View = loaded.value[chosen.name];
  if (View !== undefined) return html`<${View} route=${current} />`;
  return failed.value === "" ? html`<${Waiting} />` : html`<${Failure} message=${failed.value} />`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
