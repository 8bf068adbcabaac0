// Outcomes of cases, in the form in which harness/batch.py reads them.

/** The bytes of a text in base64. */
export function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** A response whose body is in base64. */
export function response({ status, headers, body }) {
  const characters = Array.from(body, (byte) => String.fromCharCode(byte));
  return { status, headers, body: btoa(characters.join("")) };
}

/** A module by the names of the fields in documents. */
export function snakeCase(module) {
  const present = Object.entries(module).filter(([, value]) => value !== undefined);
  const renamed = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(present.map(([name, value]) => [renamed(name), value]));
}

/** The outcome of a call that ended in a `CatalogError`. */
export function errorOf(error) {
  const hasText = error.message !== error.kind;
  return { error: { [error.kind.replace("-", "_")]: hasText ? error.message : null } };
}
