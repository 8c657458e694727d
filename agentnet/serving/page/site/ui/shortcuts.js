/** Keys that do something. The views on screen say theirs; all of them are listed under `?`. */

import { html, signal, useEffect, useRef } from "./preact.js";

/**
 * @typedef {{key: string, what: string, run: (event: KeyboardEvent) => void}} Shortcut `key` as in `KeyboardEvent.key`
 */
/** @typedef {{title: string, shortcuts: readonly Shortcut[]}} Group */

const STORED = "agentnet.keys";
const TYPING = "input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]";
const SPELLED = /** @type {Record<string, string>} */ ({
  " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc",
});

/** What is on screen; the latest comes first when a key is pressed. */
const groups = signal(/** @type {Group[]} */ ([]));
const isListed = signal(false);
/** Whether single keys do something: those who dictate switch them off. */
const isOn = signal(localStorage.getItem(STORED) !== "off");

/**
 * Offer keys while the calling component is shown.
 * @param {string} title of their group in the list
 * @param {readonly Shortcut[]} shortcuts
 */
export function useShortcuts(title, shortcuts) {
  const now = useRef(shortcuts);
  now.current = shortcuts;
  useEffect(() => {
    /** @type {Group} */
    const group = {
      title,
      get shortcuts() {
        return now.current;
      },
    };
    groups.value = [...groups.value, group];
    return () => {
      groups.value = groups.value.filter((other) => other !== group);
    };
  }, [title]);
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]") !== null) return;
  if (event.key === "?") {
    event.preventDefault();
    isListed.value = true;
    return;
  }
  if (!isOn.value || (event.key === " " && isPressed(event.target))) return;
  const offered = [...groups.value].reverse().flatMap((group) => group.shortcuts);
  const found = offered.find((shortcut) => shortcut.key === event.key);
  if (found === undefined) return;
  event.preventDefault();
  found.run(event);
});

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest(TYPING) !== null;
}

/** Return whether the space bar belongs to what has the focus. @param {EventTarget | null} target */
function isPressed(target) {
  return target instanceof HTMLElement && target.closest("button, a, summary, input[type=checkbox]") !== null;
}

/** The button that lists the keys, and their list. */
export function ShortcutsButton() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    if (isListed.value) dialog.current?.showModal();
  }, [isListed.value]);
  const shown = groups.value.filter((group) => group.shortcuts.length > 0);
  return html`
    <button type="button" class="quiet" aria-label="Keys" title="Keys (?)"
      onClick=${() => (isListed.value = true)}>?</button>
    <dialog class="keys" ref=${dialog} aria-labelledby="keys-title" onClose=${() => (isListed.value = false)}>
      <h2 id="keys-title">Keys</h2>
      ${shown.map((group) => html`<section key=${group.title}>
        <h3>${group.title}</h3>
        <dl>${group.shortcuts.map((shortcut) => html`<div key=${shortcut.key}>
          <dt><kbd>${SPELLED[shortcut.key] ?? shortcut.key}</kbd></dt><dd>${shortcut.what}</dd>
        </div>`)}</dl>
      </section>`)}
      <form method="dialog">
        <label><input type="checkbox" checked=${isOn.value} onChange=${toggle} /> Single keys do something</label>
        <button>Close</button>
      </form>
    </dialog>
  `;
}

/** @param {Event} event */
function toggle(event) {
  isOn.value = /** @type {HTMLInputElement} */ (event.currentTarget).checked;
  localStorage.setItem(STORED, isOn.value ? "on" : "off");
}
