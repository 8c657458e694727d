/** The libraries that every module of the page uses, under one name. */

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export { Signal, batch, computed, effect, signal, useSignal } from "../vendor/signals.js";

/** A template of elements: `html`<p>${text}</p>``. What is put in is text, never markup. */
export const html = htm.bind(h);
