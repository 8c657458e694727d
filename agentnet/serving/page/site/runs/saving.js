/** Saves a run as a file. It is made here, and goes nowhere else. */

import { get } from "../api.js";

/**
 * Save a run with all of its messages. Throws `Refused`.
 * @param {string} id
 */
export async function saveRun(id) {
  const path = `/api/runs/${encodeURIComponent(id)}`;
  const [run, messages] = await Promise.all([get(path), get(`${path}/messages`)]);
  const file = new Blob([JSON.stringify({ run, messages }, null, 2)], { type: "application/json" });
  const address = URL.createObjectURL(file);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `agentnet-run-${id}.json`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address));
}
