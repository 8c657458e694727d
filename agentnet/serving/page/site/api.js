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

const PROOF = "x-agentnet-proof";
/** What changes carry, so that no page of elsewhere can make them. @type {string | null} */
let proof = null;
/** @type {() => Promise<void>} */
let signedOut = async () => {};

/**
 * Send a proof with every change from now on.
 * @param {string | null} value
 */
export function proveWith(value) {
  proof = value;
}

/**
 * Call something when the server does not know the reader any more, or their proof is old.
 * @param {() => Promise<void>} then
 */
export function whenSignedOut(then) {
  signedOut = then;
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
 * Delete what is at a path, and return the gateway's JSON. Throws `Refused`.
 * @param {string} path
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function remove(path, options = {}) {
  return request("DELETE", path, undefined, options);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} options
 * @returns {Promise<any>}
 */
async function request(method, path, body, { signal }) {
  const before = proof;
  try {
    return await sent(method, path, body, signal);
  } catch (error) {
    if (!(error instanceof Refused) || (error.status !== 401 && error.code !== "no-proof")) throw error;
    await signedOut();
    if (error.code === "no-proof" && proof !== before) return sent(method, path, body, signal);
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal | undefined} signal
 */
async function sent(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && proof !== null) headers[PROOF] = proof;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "The server does not answer. Is `agentnet serve` running?", "unreachable");
  }
  const data = await response.json().catch((/** @type {Error} */ error) => {
    if (signal?.aborted) throw error;
    if (response.ok) throw new Refused(0, "The server's answer broke off. Try again.", "unreachable");
    return null;
  });
  if (response.ok) return data;
  const told = data?.error ?? {};
  const message = told.message ?? `The server answered ${response.status}.`;
  throw new Refused(response.status, message, told.code, told.param ?? null);
}
