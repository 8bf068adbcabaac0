/** One document, whole, in a dialog. */

import { type Catalogs, versionOf } from "./catalogs.js";
import { button, byId, columnHead, element } from "./elements.js";
import type { Remote } from "./remote.js";

/** Shows a document until the reader closes it. */
export async function showDocument(catalogs: Remote<Catalogs>, document: string): Promise<void> {
  const { module, fields } = await catalogs.describe(document);
  const dialog = byId<HTMLDialogElement>("document");
  const copied = element("span", { role: "status" });
  const copy = button({ class: "small" }, "Copy", async () => {
    await navigator.clipboard.writeText(document);
    copied.textContent = "copied";
  });
  dialog.replaceChildren(
    element(
      "header",
      { class: "section-head" },
      element(
        "h2",
        { id: "document-title", tabindex: "-1" },
        module.displayName ?? module.moduleName ?? module.uid,
        " ",
        element("span", { class: "badge" }, versionOf(module)),
      ),
      button({ class: "small" }, "Close", () => dialog.close()),
    ),
    element("p", { class: "facts" }, "uid ", element("code", {}, module.uid)),
    element(
      "table",
      { class: "fields" },
      element("thead", {}, element("tr", {}, columnHead("Field"), columnHead("Value"))),
      element(
        "tbody",
        {},
        ...fields.map(({ name, value }) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, name),
            element("td", {}, element("code", {}, value)),
          ),
        ),
      ),
    ),
    element(
      "div",
      { class: "section-head" },
      element("h3", {}, "The whole document"),
      element("div", { class: "actions" }, copied, copy),
    ),
    element("pre", { class: "whole", tabindex: "0", "aria-label": "The whole document" }, document),
  );
  dialog.showModal();
  byId("document-title").focus();
}
