/** The differences between two catalogs. */

import { type Added, type Catalogs, type Changed, type Counts, versionOf } from "./catalogs.js";
import { showDocument } from "./document_view.js";
import { button, byId, columnHead, counted, element, number } from "./elements.js";
import { announce, showFailure } from "./messages.js";
import { showList } from "./paging.js";
import type { Remote } from "./remote.js";

/** Shows the differences between the catalog that is open and another one. */
export class DifferencesView {
  #catalogs: Remote<Catalogs>;
  #shown = "";
  #other = "";
  /** Whether the catalog that is open is the newer one. */
  #reverse = false;

  constructor(catalogs: Remote<Catalogs>) {
    this.#catalogs = catalogs;
    byId("reverse").addEventListener("click", () => {
      this.#reverse = !this.#reverse;
      void this.#show();
    });
    byId("close-differences").addEventListener("click", () => {
      this.close();
      byId("compare").focus();
    });
  }

  /** Compares the catalog that is open with another one, by their names for people. */
  async show(shown: string, other: string): Promise<void> {
    this.#shown = shown;
    this.#other = other;
    this.#reverse = false;
    await this.#show();
    byId("differences-title").focus();
  }

  /** Closes the comparison. */
  close(): void {
    byId("differences").hidden = true;
  }

  async #show(): Promise<void> {
    const names = [this.#shown, this.#other] as const;
    const [older, newer] = this.#reverse ? [names[1], names[0]] : names;
    announce("Comparing…");
    try {
      const counts = await this.#catalogs.compare(this.#reverse);
      byId("compared").replaceChildren(
        "from ",
        element("strong", {}, older),
        " to ",
        element("strong", {}, newer),
      );
      await this.#showLists(counts);
      byId("differences").hidden = false;
      announce(summary(counts));
    } catch (error) {
      showFailure("The catalogs cannot be compared", error, "error");
    }
  }

  async #showLists(counts: Counts): Promise<void> {
    const into = byId("difference-lists");
    into.replaceChildren();
    if (counts.added + counts.removed + counts.changed === 0) {
      into.append(element("p", { class: "empty" }, "The catalogs hold the same modules."));
      return;
    }
    for (const kind of ["added", "removed"] as const) {
      await this.#section(into, kind, counts[kind], (list) =>
        showList<Added>(list, {
          names: ["module", "modules"],
          load: (from, to) => this.#catalogs.only(kind, from, to),
          show: (rows) => this.#moduleList(rows, kind),
          empty: "",
        }),
      );
    }
    await this.#section(into, "changed", counts.changed, (list) =>
      showList<Changed>(list, {
        names: ["module", "modules"],
        load: (from, to) => this.#catalogs.changed(from, to),
        show: (rows) => element("div", { class: "groups" }, ...rows.map((row) => this.#change(row))),
        empty: "",
      }),
    );
  }

  async #section(
    into: HTMLElement,
    kind: keyof Counts,
    count: number,
    show: (list: HTMLElement) => Promise<unknown>,
  ): Promise<void> {
    if (count === 0) {
      return;
    }
    const list = element("div");
    await show(list);
    const title = `${TITLES[kind]} `;
    const head = element("h3", {}, title, element("span", { class: `badge ${kind}` }, number(count)));
    into.append(element("section", { class: "difference" }, head, list));
  }

  #moduleList(modules: Added[], kind: "added" | "removed"): HTMLElement {
    return element(
      "ul",
      { class: "groups" },
      ...modules.map((module) =>
        element("li", { class: "group" }, element("div", { class: "group-head" }, ...this.#module(module, kind))),
      ),
    );
  }

  #module(module: Added, kind: keyof Counts): HTMLElement[] {
    const name = module.moduleName ?? module.uid;
    const version = versionOf(module);
    const show = () => void showDocument(this.#catalogs, module.document);
    return [
      element(
        "div",
        { class: "group-name" },
        element("strong", {}, name),
        element("p", {}, module.displayName ?? ""),
      ),
      element("span", {}, element("span", { class: `badge ${kind}` }, version)),
      button({ class: "small", "aria-label": `Show the document of ${name} ${version}` }, "Show", show),
    ];
  }

  #change({ module, fields }: Changed): HTMLElement {
    return element(
      "article",
      { class: "group" },
      element("div", { class: "group-head" }, ...this.#module(module, "changed")),
      element(
        "div",
        { class: "scroll" },
        element(
          "table",
          { class: "fields" },
          element("thead", {}, element("tr", {}, ...["Field", "Before", "After"].map(columnHead))),
          element(
            "tbody",
            {},
            ...fields.map(({ name, before, after }) =>
              element(
                "tr",
                {},
                element("th", { scope: "row" }, name),
                element("td", { "data-column": "Before" }, value(before, "del")),
                element("td", { "data-column": "After" }, value(after, "ins")),
              ),
            ),
          ),
        ),
      ),
    );
  }
}

const TITLES: Record<keyof Counts, string> = {
  added: "Added",
  removed: "Removed",
  changed: "Changed",
};

function summary({ added, removed, changed }: Counts): string {
  return `${counted(added, "module")} added, ${counted(removed, "module")} removed, ${counted(changed, "module")} changed.`;
}

function value(text: string | undefined, tag: "del" | "ins"): HTMLElement {
  return text === undefined
    ? element("span", { class: "reason" }, "absent")
    : element(tag, {}, element("code", {}, text));
}
