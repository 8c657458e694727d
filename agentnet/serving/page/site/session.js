/** Who reads the page: this machine where no key is needed, else who signed in with a key. */

import { signal } from "./ui/preact.js";
import { get, post, proveWith, remove, whenSignedOut } from "./api.js";

/** @typedef {{id: string, name: string, scopes: string[]}} Caller */
/** @typedef {{caller: Caller | null, signed_in: boolean, proof: string | null}} Session */

const PATH = "/page/session";
/** What the names begin with under which this browser keeps the words of a reader that are not sent yet. */
export const DRAFTS = "agentnet.draft.";

/** The session; null until the server has told it. Without a caller, a key is needed. */
export const session = signal(/** @type {Session | null} */ (null));
/** Why the session is not known. */
export const trouble = signal("");

/** The reader that the page has shown something to. @type {string | null} */
let reader = null;

whenSignedOut(() => refreshSession());

/** Ask the server again who reads the page: it may have ended the session, or been restarted. */
export async function refreshSession() {
  try {
    take(await get(PATH));
    trouble.value = "";
  } catch (error) {
    trouble.value = error instanceof Error ? error.message : String(error);
  }
}

/**
 * Begin a session. Throws `Refused`.
 * @param {string} key
 */
export async function signIn(key) {
  take(await post(PATH, { key }));
}

/** End the session, and leave nothing of it in the page. */
export async function signOut() {
  await remove(PATH).catch(() => undefined);
  forgetDrafts();
  location.reload();
}

function forgetDrafts() {
  for (const name of Object.keys(localStorage)) if (name.startsWith(DRAFTS)) localStorage.removeItem(name);
}

/**
 * Return whether the reader's key has a scope; `admin` includes the others.
 * @param {string} scope
 */
export function may(scope) {
  const scopes = session.value?.caller?.scopes ?? [];
  return scopes.includes(scope) || scopes.includes("admin");
}

/**
 * Take over what the server told. For another reader the page begins anew: what the one before asked and read is gone.
 * @param {Session} told
 */
function take(told) {
  const found = told.caller?.id ?? null;
  if (found !== null && reader !== null && found !== reader) {
    forgetDrafts();
    location.reload();
    return;
  }
  reader = found ?? reader;
  proveWith(told.proof);
  session.value = told;
}
