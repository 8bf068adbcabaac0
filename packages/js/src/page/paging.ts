/** Long lists, of which one part is on the screen. */

import type { Part } from "./catalogs.js";
import { button, counted, element, number } from "./elements.js";
import { announce } from "./messages.js";

/** The number of rows that are shown at once. */
const ROWS = 50;

/** A list of the worker. */
export interface Listed<Row> {
  /** The noun for its rows, in the singular and in the plural. */
  names: [string, string];
  load(from: number, to: number): Promise<Part<Row>>;
  /** Makes the element of some rows. */
  show(rows: Row[]): Node;
  /** The text for a list without rows. */
  empty: string;
}

/** Shows a list in an element, from its beginning, and returns its length as text. */
export async function showList<Row>(into: HTMLElement, list: Listed<Row>): Promise<string> {
  const rows = element("div");
  const range = element("span");
  let length = "";
  let from = 0;
  const turn = async (to: number) => {
    from = to;
    const part = await list.load(from, from + ROWS);
    rows.replaceChildren(
      part.total === 0 ? element("p", { class: "empty" }, list.empty) : list.show(part.rows),
    );
    const until = from + part.rows.length;
    length = counted(part.total, ...list.names);
    range.textContent = `${number(from + 1)}–${number(until)} of ${length}`;
    previous.disabled = from === 0;
    next.disabled = until >= part.total;
    pages.hidden = part.total <= ROWS;
  };
  const turned = async (to: number) => {
    await turn(to);
    // A button that is disabled loses the focus.
    (next.disabled ? previous : previous.disabled ? next : undefined)?.focus();
    announce(range.textContent ?? "");
    into.scrollIntoView({ block: "nearest" });
  };
  const previous = button({}, "Previous", () => void turned(from - ROWS));
  const next = button({}, "Next", () => void turned(from + ROWS));
  const last = list.names[1];
  const pages = element("nav", { class: "pages", "aria-label": `Pages of ${last}` }, previous, range, next);
  await turn(0);
  into.replaceChildren(rows, pages);
  return length;
}
