/** The page: opens catalogs, shows them and compares them. */

import { CatalogView } from "./catalog_view.js";
import { DifferencesView } from "./differences_view.js";
import { byId, counted, element } from "./elements.js";
import { announce, clearError, showError, showFailure } from "./messages.js";
import { catalogOfServer, onOpening, type Opening } from "./opening.js";
import { startCatalogs } from "./remote.js";

const catalogs = startCatalogs();
const catalogView = new CatalogView(catalogs);
const differencesView = new DifferencesView(catalogs);

/** The name of the catalog that is open, for people. */
let shown: string | undefined;

/** Whether the next file is compared with the catalog that is open. */
let isComparing = false;

/** Whether the reader has opened something. */
let hasBegun = false;

onOpening((opening) => {
  hasBegun = true;
  return read(opening);
});

// A server that has a catalog shows it at once, unless the reader was faster.
void catalogOfServer().then(async (opening) => {
  if (opening !== undefined && !hasBegun) {
    await read(opening);
  }
});

byId("open-another").addEventListener("click", () => showOpening(false));
byId("compare").addEventListener("click", () => showOpening(true));
byId("cancel").addEventListener("click", () => {
  const from = byId(isComparing ? "compare" : "open-another");
  hideOpening();
  from.focus();
});

async function read(opening: Opening): Promise<void> {
  clearError();
  announce(`Reading ${opening.name}…`);
  document.body.setAttribute("aria-busy", "true");
  try {
    await (isComparing ? compare(opening) : open(opening));
  } catch (error) {
    showFailure(`${opening.name} cannot be opened`, error, opening.place);
  } finally {
    document.body.removeAttribute("aria-busy");
  }
}

async function open({ name, file, place }: Opening): Promise<void> {
  const opened = await catalogs.open(file);
  if ("message" in opened) {
    showError(`${name} cannot be opened`, opened, place);
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
  announce(`${name} is open.`);
}

async function compare({ name, file, place }: Opening): Promise<void> {
  const opened = await catalogs.openOther(file);
  if ("message" in opened) {
    showError(`${name} cannot be opened`, opened, place);
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
