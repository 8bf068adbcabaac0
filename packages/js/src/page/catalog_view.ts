/** The catalog: modules by name, their versions newest first, and what fits a Redis version. */

import { type Catalogs, type Fit, type FittingRule, type Group, type Version, versionOf } from "./catalogs.js";
import type { Module } from "./ccs-modules/catalog.js";
import { showDocument } from "./document_view.js";
import { button, byId, columnHead, counted, element, number } from "./elements.js";
import { announce, clearError, showFailure } from "./messages.js";
import { showList } from "./paging.js";
import type { Remote } from "./remote.js";

/** Shows the catalog that is open, as the fields ask for it. */
export class CatalogView {
  #catalogs: Remote<Catalogs>;
  /** The Redis version of the database, if one is chosen. */
  #redis: string | undefined;

  constructor(catalogs: Remote<Catalogs>) {
    this.#catalogs = catalogs;
    const find = byId<HTMLInputElement>("find");
    find.addEventListener("input", async () => announce(`${await this.#show()} found.`));
    const redis = byId<HTMLInputElement>("redis");
    byId("fit").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#choose(redis.value.trim());
    });
    byId("any-version").addEventListener("click", () => {
      redis.value = "";
      redis.focus();
      void this.#choose("");
    });
  }

  /** Shows a catalog that was opened. */
  async show(): Promise<void> {
    this.#redis = undefined;
    byId<HTMLInputElement>("find").value = "";
    byId<HTMLInputElement>("redis").value = "";
    byId("any-version").hidden = true;
    await this.#show();
  }

  async #choose(version: string): Promise<void> {
    clearError();
    const chosen = version === "" ? undefined : version;
    try {
      const fitting = await this.#catalogs.chooseRedisVersion(chosen);
      this.#redis = chosen;
      byId("any-version").hidden = chosen === undefined;
      await this.#show();
      announce(
        chosen === undefined
          ? "All modules are shown."
          : `A ${chosen} database gets ${counted(fitting, "module")}.`,
      );
    } catch (error) {
      showFailure("This is no Redis version", error, "error-redis");
    }
  }

  /** Shows the modules that the fields ask for, and returns their number as text. */
  async #show(): Promise<string> {
    const wanted = byId<HTMLInputElement>("find").value.trim();
    const [name = "", version] = wanted.split("@", 2);
    const into = byId("groups");
    if (version !== undefined) {
      return this.#showVersions(into, `No module is “${wanted}”.`, (from, to) =>
        this.#catalogs.find(name, version, from, to),
      );
    }
    return showList<Group>(into, {
      names: ["name", "names"],
      load: (from, to) => this.#catalogs.groups(wanted, from, to),
      show: (rows) => element("div", { class: "groups" }, ...rows.map((row) => this.#group(row))),
      empty: wanted === "" ? "The catalog is empty." : `No name contains “${wanted}”.`,
    });
  }

  #group(group: Group): HTMLElement {
    const { key, name, newest, versions, count, fit } = group;
    const content = element("div", { class: "versions", id: `group-${key}`, hidden: true });
    const toggle = button(
      { class: "toggle", "aria-expanded": "false", "aria-controls": content.id },
      name ?? "Modules without a name",
      () => {
        const isOpen = toggle.getAttribute("aria-expanded") !== "true";
        toggle.setAttribute("aria-expanded", `${isOpen}`);
        content.hidden = !isOpen;
        if (isOpen && content.childElementCount === 0) {
          void this.#showVersions(content, "", (from, to) => this.#catalogs.versions(key, from, to));
        }
      },
    );
    const badges = versions.map(({ uid, text }, index) => {
      const isNewest = index === 0 && this.#redis === undefined;
      const kind = uid === fit?.uid ? "fits" : isNewest ? "newest" : "";
      return element("li", { class: `badge ${kind}` }, text);
    });
    const more = count - versions.length;
    if (more > 0 && name !== undefined) {
      badges.push(element("li", { class: "more" }, `+${number(more)}`));
    }
    return element(
      "article",
      { class: "group" },
      element(
        "div",
        { class: "group-head" },
        element(
          "div",
          { class: "group-name" },
          element("h3", {}, toggle),
          element("p", {}, name === undefined ? counted(count, "module") : newest.displayName),
        ),
        element("ul", { class: "badges", "aria-label": "Versions, newest first" }, ...badges),
        this.#redis === undefined ? needs(newest) : outcome(this.#redis, fit),
      ),
      content,
    );
  }

  #showVersions(
    into: HTMLElement,
    empty: string,
    load: (from: number, to: number) => ReturnType<Remote<Catalogs>["versions"]>,
  ): Promise<string> {
    return showList<Version>(into, {
      names: ["module", "modules"],
      load,
      show: (rows) => this.#table(rows),
      empty,
    });
  }

  #table(rows: Version[]): HTMLElement {
    const redis = rows.some(({ fit }) => fit !== undefined) ? this.#redis : undefined;
    const columns = ["Version", "Name", "Needs Redis", ...(redis ? [`Fits ${redis}`] : []), "Document"];
    return element(
      "div",
      { class: "scroll" },
      element(
        "table",
        { class: "modules" },
        element("thead", {}, element("tr", {}, ...columns.map(columnHead))),
        element("tbody", {}, ...rows.map((row) => this.#row(row, redis))),
      ),
    );
  }

  #row({ module, fit }: Version, redis: string | undefined): HTMLElement {
    const version = versionOf(module);
    const label = `Show the document of ${module.moduleName ?? module.uid} ${version}`;
    const show = () => void showDocument(this.#catalogs, module.document);
    return element(
      "tr",
      { class: fit?.chosen ? "chosen" : undefined },
      element(
        "th",
        { scope: "row" },
        element("span", { class: fit?.chosen ? "badge fits" : "badge" }, version),
      ),
      element("td", {}, module.displayName ?? module.moduleName ?? ""),
      element("td", { class: "nowrap", "data-column": "Needs Redis" }, atLeast(module.minRedisVersion)),
      redis === undefined
        ? undefined
        : element("td", { "data-column": `Fits ${redis}` }, ...verdict(redis, fit)),
      element("td", {}, button({ "aria-label": label, class: "small" }, "Show", show)),
    );
  }
}

/** The Redis version that the newest module of a group needs. */
function needs(newest: Module): HTMLElement {
  const redis = `needs Redis ${atLeast(newest.minRedisVersion)}`;
  return element("p", { class: "needs" }, newest.moduleName && `${versionOf(newest)} ${redis}`);
}

function atLeast(version: string | undefined): string {
  return version ? `${version} or later` : "of any version";
}

/** The module of a group that a database gets, and why. */
function outcome(redis: string, fit: Fit | undefined): HTMLElement {
  const badge =
    fit?.uid === undefined
      ? element("span", { class: "badge none" }, `none for ${redis}`)
      : element("span", { class: "badge fits" }, `${redis} gets ${fit.version}`);
  return element("p", { class: "outcome" }, badge, " ", reason(redis, fit));
}

function verdict(redis: string, fit: Version["fit"]): (HTMLElement | string)[] {
  const badge = fit?.chosen
    ? element("span", { class: "badge fits" }, "yes")
    : element("span", { class: "badge none" }, "no");
  return [badge, " ", reason(redis, fit)];
}

/** The rule by which a module was chosen, if it was, and the reason. */
function reason(redis: string, fit: Fit | Version["fit"]): HTMLElement {
  const rule = fit?.rule && `${RULES[fit.rule]} ${redis}: `;
  return element("span", { class: "reason" }, rule, fit?.reason ?? "it has no name");
}

/** Words for the rules by which a module is chosen. */
const RULES: Record<FittingRule, string> = {
  "compatible-redis-version": "made for",
  "min-redis-version": "runs on",
};
