/**
 * Which view is shown: the address behind `#` names it, as `#/runs/ID?with=ID2`. Links are plain links, so that they
 * can be opened in a new tab, copied and shared.
 */

import { signal } from "./ui/preact.js";

/**
 * @typedef {object} Route
 * @property {string} view the first part of the path; empty: the start
 * @property {string[]} rest the other parts
 * @property {URLSearchParams} query
 */

/** @returns {Route} */
function read() {
  const address = location.hash.replace(/^#\/?/, "");
  const [path = ""] = address.split("?", 1);
  const [view = "", ...rest] = path.split("/").map(decoded);
  return { view, rest: rest.filter((part) => part !== ""), query: new URLSearchParams(address.slice(path.length)) };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The current route. */
export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/**
 * Return the address of a view.
 * @param {string[]} parts
 * @param {Record<string, string | undefined>} [query] entries without a value are left out
 */
export function link(parts, query = {}) {
  const entries = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const search = new URLSearchParams(entries).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

/**
 * Show a view. `replace` leaves no entry in the history.
 * @param {string} address from `link`
 * @param {{replace?: boolean}} [options]
 */
export function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address);
    route.value = read();
  } else {
    location.hash = address;
  }
}
