/** Signing in with a key, where the server wants one. */

import { html, useEffect, useRef, useState } from "./ui/preact.js";
import { session, signIn, signOut } from "./session.js";

/**
 * Asks for a key.
 * @param {{title?: string, children?: any}} properties `children` say why
 */
export function SignIn({ title = "Sign in", children }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    setBusy(true);
    try {
      await signIn(String(new FormData(form).get("key")));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      form.querySelector("input")?.select();
    } finally {
      setBusy(false);
    }
  }

  return html`<form class="sign-in" onSubmit=${submit}>
    <h1>${title}</h1>
    ${children ?? html`<p>This network answers to keys. Its owner makes one, and it is shown once:</p>
      <pre><code>agentnet keys create NAME</code></pre>`}
    <input type="text" name="username" value="agentnet" autocomplete="username" hidden />
    <label for="key">Key</label>
    <input id="key" name="key" type="password" required autofocus autocomplete="current-password" spellcheck=${false}
      placeholder="an-…" aria-describedby="key-problem" aria-invalid=${problem !== ""} />
    <p id="key-problem" class="problem" role="alert">${problem}</p>
    <button class="primary" disabled=${busy}>Sign in</button>
    <p class="soft">This browser keeps a session for 12 hours in the key’s place. Revoking the key ends it at once.</p>
  </form>`;
}

/** Asks for a key again, over what is on screen: nothing of it is lost. */
export function SignInAgain() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  /** @param {Event} event */
  const stay = (event) => event.preventDefault();
  return html`<dialog class="sign-in-again" ref=${dialog} aria-label="Sign in again" onCancel=${stay}>
    <${SignIn} title="Sign in again">
      <p>Your session is over, or its key was revoked. With the same key, what is on this page stays.</p>
    <//>
  </dialog>`;
}

/** Who is signed in, and the way out. */
export function SignedIn() {
  const told = session.value;
  if (!told?.signed_in || told.caller === null) return null;
  const { name, scopes } = told.caller;
  return html`<span class="signed-in">
    <span class="who" title=${`Signed in with the key ${name} (${scopes.join(", ")})`}>${name}</span>
    <button type="button" class="quiet" onClick=${() => void signOut()}>Sign out</button>
  </span>`;
}
