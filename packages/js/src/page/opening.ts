/** The ways to open a file: drop it, choose it, paste its text, name its URL, or take the demonstration. */

import { byId } from "./elements.js";
import { announce, clearError, type ErrorPlace, showFailure } from "./messages.js";

/** A file, its name for people, and the place for errors in it. */
export interface Opening {
  name: string;
  file: Blob;
  place: ErrorPlace;
}

/** Calls `open` with each file that is opened. */
export function onOpening(open: (opening: Opening) => Promise<void>): void {
  const choice = byId<HTMLInputElement>("file");
  byId("choose").addEventListener("click", () => choice.click());
  choice.addEventListener("change", () => {
    openFile(choice.files?.[0], open);
    choice.value = ""; // The same file can be chosen again.
  });
  onDropping((file) => openFile(file, open));
  addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text");
    const isField = event.target instanceof Element && event.target.matches("input, textarea");
    const [file] = event.clipboardData?.files ?? [];
    if (!isField && (file !== undefined || text)) {
      event.preventDefault();
      void open(file === undefined ? pasted(text!, "error-file") : dropped(file));
    }
  });
  const text = byId<HTMLTextAreaElement>("text");
  onSubmit("by-text", async () => {
    await open(pasted(text.value, "error-text"));
    text.value = "";
  });
  const url = byId<HTMLInputElement>("url");
  url.value = new URL("v1/modules", document.baseURI).href;
  onSubmit("by-url", () => openUrl(url.value, url.value, "error-url", open));
  byId("demonstration").addEventListener("click", () => {
    const demonstration = new URL("demonstration.json", import.meta.url).href;
    void openUrl(demonstration, "Demonstration", "error-file", open);
  });
}

/** Fetches the catalog of the server that the page comes from; undefined if it has none. */
export async function catalogOfServer(): Promise<Opening | undefined> {
  try {
    const response = await fetch(new URL("v1/modules", document.baseURI));
    const isList = response.headers.get("content-type")?.startsWith("application/json");
    return response.ok && isList
      ? { name: location.host, file: await response.blob(), place: "error" }
      : undefined;
  } catch {
    return undefined;
  }
}

function pasted(text: string, place: ErrorPlace): Opening {
  return { name: "Pasted text", file: new Blob([text]), place };
}

function dropped(file: File): Opening {
  return { name: file.name, file, place: "error-file" };
}

function openFile(file: File | undefined, open: (opening: Opening) => Promise<void>): void {
  if (file !== undefined) {
    void open(dropped(file));
  }
}

/** Files are taken wherever they are dropped, and the drop zone shows that. */
function onDropping(open: (file: File | undefined) => void): void {
  const over = (isOver: boolean) => document.body.classList.toggle("dropping", isOver);
  const holdsFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (holdsFiles(event)) {
      event.preventDefault();
      over(true);
    }
  });
  addEventListener("dragleave", ({ relatedTarget }) => over(relatedTarget !== null));
  addEventListener("drop", (event) => {
    if (holdsFiles(event)) {
      event.preventDefault();
      over(false);
      open(event.dataTransfer?.files[0]);
    }
  });
}

function onSubmit(form: string, submit: () => Promise<void>): void {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
}

async function openUrl(
  url: string,
  name: string,
  place: ErrorPlace,
  open: (opening: Opening) => Promise<void>,
): Promise<void> {
  clearError();
  announce(`Fetching ${name}…`);
  try {
    const response = await fetch(url);
    if (!response.ok) {
      const status = `${response.status} ${response.statusText}`.trim();
      throw new Error(`${url} answered ${status}: ${(await response.text()).slice(0, 500)}`);
    }
    await open({ name, file: await response.blob(), place });
  } catch (error) {
    showFailure("The URL cannot be opened", fetchFailure(error, url), place);
  }
}

/** Browsers report only that a fetch failed. */
function fetchFailure(error: unknown, url: string): unknown {
  return error instanceof TypeError
    ? `${url} did not answer, or it does not let other sites read it (CORS). Fetch it with curl, and drop the file here.`
    : error;
}
