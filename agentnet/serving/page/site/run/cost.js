/** What a run has used so far: calls, tokens, seconds, money. */

import { html, useEffect, useState } from "../ui/preact.js";
import { count } from "../ui/elements.js";

/** @typedef {import("./state.js").RunState} RunState */

/** @param {{state: RunState}} properties */
export function Cost({ state }) {
  const usage = state.usage.value;
  const seconds = useSeconds(state);
  const tokens = usage.prompt_tokens + usage.completion_tokens;
  const title = [
    `${count(usage.prompt_tokens)} tokens read`,
    `${count(usage.completion_tokens)} written`,
    `${count(usage.reused_tokens)} reused; models worked for ${usage.seconds.toFixed(2)} s`,
  ].join(", ");
  return html`<dl class="cost" title=${title}>
    <div><dd>${count(usage.calls)}</dd><dt>${usage.calls === 1 ? "call" : "calls"}</dt></div>
    <div><dd>${count(tokens)}</dd><dt>tokens</dt></div>
    <div><dd>${seconds < 10 ? seconds.toFixed(1) : count(seconds)}</dd><dt>seconds</dt></div>
    ${usage.cost > 0 && html`<div><dd>${usage.cost.toPrecision(2)}</dd><dt>cost</dt></div>`}
  </dl>`;
}

/**
 * The time in which models worked, side by side or one after the other; while the run goes on, with the time since the
 * last message, as far as this reader has watched. What lay between a cancelled run and its continuation is no work.
 * @param {RunState} state
 */
function useSeconds(state) {
  const told = worked(state.entries.value.flatMap((entry) => entry.message.value ?? []));
  const isOpen = state.status.value === "running";
  const [since, setSince] = useState({ told: -1, began: 0 });
  const [now, setNow] = useState(0);
  useEffect(() => setSince({ told, began: performance.now() }), [told]);
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [isOpen]);
  return isOpen && since.told === told ? told + Math.max(0, now - since.began) / 1000 : told;
}

/**
 * Return the seconds in which at least one message was written: each from when its model began up to its landing.
 * @param {readonly import("./state.js").Message[]} messages in the order of recording
 */
export function worked(messages) {
  const asked = Date.parse(messages[0]?.time ?? "");
  const spans = messages.map(({ time, usage }) => {
    const end = Date.parse(time);
    return { start: Math.max(asked, end - 1000 * usage.seconds), end };
  });
  let [sum, last] = [0, -Infinity];
  for (const { start, end } of spans.sort((one, other) => one.start - other.start)) {
    sum += Math.max(0, end - Math.max(start, last));
    last = Math.max(last, end);
  }
  return sum / 1000;
}
