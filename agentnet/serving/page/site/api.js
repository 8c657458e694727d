/** Requests to the gateway. */

/** A request that was refused: `message` says what is wrong and what to do. */
export class Refused extends Error {
  /**
   * @param {number} status HTTP status; 0: the server was not reached
   * @param {string} message
   * @param {string} [code]
   * @param {string | null} [param] the field that is wrong
   */
  constructor(status, message, code = "", param = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/**
 * Return the JSON that the gateway has at a path. Throws `Refused`.
 * @param {string} path such as `/api/runs`
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function get(path, options = {}) {
  return request("GET", path, undefined, options);
}

/**
 * Send JSON and return the gateway's. Throws `Refused`.
 * @param {string} path
 * @param {unknown} [body]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function post(path, body = {}, options = {}) {
  return request("POST", path, body, options);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} options
 */
async function request(method, path, body, { signal }) {
  /** @type {RequestInit} */
  const init = { method, headers: { accept: "application/json" }, credentials: "same-origin", signal };
  if (body !== undefined) {
    init.headers = { ...init.headers, "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "The server does not answer. Is `agentnet serve` running?", "unreachable");
  }
  const data = await response.json().catch(() => null);
  if (response.ok) return data;
  const told = data?.error ?? {};
  throw new Refused(response.status, told.message ?? `The server answered ${response.status}.`, told.code, told.param ?? null);
}
