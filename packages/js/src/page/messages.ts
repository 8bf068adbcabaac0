/** The page's messages: what is going on, and what went wrong. */

import type { Refused } from "./catalogs.js";
import { byId, element } from "./elements.js";

/** Says what is going on, also to screen readers. */
export function announce(text: string): void {
  byId("status").textContent = text;
}

/** Shows why something was not done, until the next thing is. */
export function showError(title: string, { message, excerpt }: Refused): void {
  announce("");
  byId("error").replaceChildren(
    element("p", { class: "error-title" }, title),
    element("p", {}, message),
  );
  if (excerpt !== undefined) {
    const { before, at, after } = excerpt;
    byId("error").append(
      element("pre", { class: "excerpt" }, before, element("mark", {}, at), after),
    );
  }
  byId("error").scrollIntoView({ block: "nearest" });
}

/** Shows an error of the page itself. */
export function showFailure(title: string, error: unknown): void {
  const message = error instanceof Error ? error.message : `${error}`;
  showError(title, { message, excerpt: undefined });
}

/** Removes the error. */
export function clearError(): void {
  byId("error").replaceChildren();
}
