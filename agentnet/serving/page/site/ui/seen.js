/** Whether a component is still seen, for what comes back later than its reader stays. */

import { useLayoutEffect, useRef } from "./preact.js";

/** Return a reference that is true as long as the component is shown. */
export function useSeen() {
  const seen = useRef(true);
  useLayoutEffect(() => () => void (seen.current = false), []);
  return seen;
}
