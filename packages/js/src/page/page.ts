/** The page: opens catalogs, shows them and compares them. */

import { CatalogView } from "./catalog_view.js";
import { DifferencesView } from "./differences_view.js";
import { byId, counted, element } from "./elements.js";
import { announce, clearError, showError, showFailure } from "./messages.js";
import { onOpening, type Opening } from "./opening.js";
import { startCatalogs } from "./remote.js";

const catalogs = startCatalogs();
const catalogView = new CatalogView(catalogs);
const differencesView = new DifferencesView(catalogs);

/** The name of the catalog that is open, for people. */
let shown: string | undefined;

/** Whether the next file is compared with the catalog that is open. */
let isComparing = false;

onOpening(async (opening) => {
  clearError();
  announce(`Reading ${opening.name}…`);
  document.body.setAttribute("aria-busy", "true");
  try {
    await (isComparing ? compare(opening) : open(opening));
  } catch (error) {
    showFailure(`${opening.name} cannot be opened`, error);
  } finally {
    document.body.removeAttribute("aria-busy");
  }
});

byId("open-another").addEventListener("click", () => showOpening(false));
byId("compare").addEventListener("click", () => showOpening(true));
byId("cancel").addEventListener("click", () => {
  const from = byId(isComparing ? "compare" : "open-another");
  hideOpening();
  from.focus();
});

async function open({ name, file }: Opening): Promise<void> {
  const opened = await catalogs.open(file);
  if ("message" in opened) {
    showError(`${name} cannot be opened`, opened);
    return;
  }
  shown = name;
  differencesView.close();
  byId("facts").replaceChildren(
    element("strong", {}, name),
    ` · ${counted(opened.modules, "module")} of ${counted(opened.names, "name")} · entity tag `,
    element("code", {}, opened.entityTag),
  );
  await catalogView.show();
  byId("catalog").hidden = false;
  hideOpening();
  byId("catalog-title").focus();
  announce(`${name}: ${counted(opened.modules, "module")} of ${counted(opened.names, "name")}.`);
}

async function compare({ name, file }: Opening): Promise<void> {
  const opened = await catalogs.openOther(file);
  if ("message" in opened) {
    showError(`${name} cannot be opened`, opened);
    return;
  }
  hideOpening();
  await differencesView.show(shown!, name);
}

function showOpening(comparing: boolean): void {
  isComparing = comparing;
  clearError();
  announce("");
  const title = byId("opening-title");
  title.textContent = comparing ? `Compare ${shown} with` : "Open a catalog";
  byId("opening").hidden = false;
  byId("cancel").hidden = false;
  title.focus();
}

function hideOpening(): void {
  isComparing = false;
  byId("opening").hidden = true;
}
