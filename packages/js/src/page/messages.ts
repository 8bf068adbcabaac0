/** The page's messages: what is going on, and what went wrong. */

import type { Refused } from "./catalogs.js";
import { byId, element } from "./elements.js";

/** Shows the present action, also to screen readers. */
export function announce(text: string): void {
  byId("status").textContent = text;
}

/** An element of the page for errors, by its id: below the field that they are about, or for all others. */
export type ErrorPlace = "error" | `error-${"file" | "redis" | "text" | "url"}`;

/** Shows why an action failed, until the next action succeeds. Nothing above the message moves. */
export function showError(title: string, { message, excerpt }: Refused, place: ErrorPlace): void {
  clearError();
  announce("");
  const shown = byId(place).closest("[hidden]") === null ? place : "error";
  byId(shown).replaceChildren(
    element("p", { class: "error-title" }, title),
    element("p", {}, message),
  );
  if (excerpt !== undefined) {
    const { before, at, after } = excerpt;
    byId(shown).append(
      element("pre", { class: "excerpt" }, before, element("mark", {}, at), after),
    );
  }
  document.querySelector(`[aria-errormessage="${shown}"]`)?.setAttribute("aria-invalid", "true");
}

/** Shows an error of the page itself. */
export function showFailure(title: string, error: unknown, place: ErrorPlace): void {
  const message = error instanceof Error ? error.message : `${error}`;
  showError(title, { message, excerpt: undefined }, place);
}

/** Removes the error. */
export function clearError(): void {
  for (const place of document.querySelectorAll(".error")) {
    place.replaceChildren();
  }
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
}
