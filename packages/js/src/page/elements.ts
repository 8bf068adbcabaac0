/** Elements of the page. Texts become text nodes, and never markup, because they come from unchecked files. */

type Attributes = Record<string, string | boolean | undefined>;

/** Makes an element. An attribute that is false or undefined is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string | undefined)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** Makes a button. */
export function button(
  attributes: Attributes,
  label: Node | string,
  press: () => void,
): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", press);
  return made;
}

/** Makes the head of a column. */
export function columnHead(text: string): HTMLElement {
  return element("th", { scope: "col" }, text);
}

/** Finds an element of the page by its id. */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  return document.getElementById(id) as Type;
}

/** Writes a number for people. */
export function number(value: number): string {
  return value.toLocaleString("en");
}

/** Writes a number of things. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}
