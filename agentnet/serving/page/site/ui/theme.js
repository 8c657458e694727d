/** Dark or light: as the system has it, until the reader chooses. */

import { computed, effect, html, signal } from "./preact.js";

const KEY = "agentnet.theme";
const THEMES = /** @type {const} */ (["system", "light", "dark"]);
/** @typedef {(typeof THEMES)[number]} Theme */

/** @returns {Theme} */
function stored() {
  const found = THEMES.find((theme) => theme === localStorage.getItem(KEY));
  return found ?? "system";
}

/** The chosen theme. */
const theme = signal(stored());

const dark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(dark.matches);
dark.addEventListener("change", () => (systemIsDark.value = dark.matches));

/** What the theme comes to here, for pictures that the server draws. */
export const shade = computed(() => (theme.value !== "system" ? theme.value : systemIsDark.value ? "dark" : "light"));

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(KEY, theme.value);
});

/** Goes through the themes. */
export function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  const label = `Theme: ${theme.value}. Change to ${next}`;
  const mark = { system: "◐", light: "☀", dark: "☾" }[theme.value];
  return html`<button type="button" class="quiet" title=${label} aria-label=${label}
    onClick=${() => (theme.value = next)}>${mark}</button>`;
}
