// Outcomes of cases, in the form in which harness/batch.py reads them.

/** The bytes of a text in base64. */
export function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The header fields of a request, as texts. */
export function headersOf({ headers }) {
  return headers.map(([name, value]) => [name, lossy.decode(bytes(value))]);
}

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/** The caller of a request. */
export function callerOf({ roles }) {
  return roles === null ? { tag: "unauthenticated", val: undefined } : { tag: "authenticated", val: roles };
}

/** A response whose body is in base64. */
export function response({ status, headers, body }) {
  const characters = Array.from(new TextEncoder().encode(body), (byte) => String.fromCharCode(byte));
  return { status, headers, body: btoa(characters.join("")) };
}

/** Makes a typed call of a catalog: its name and its arguments are those of the case. */
export function typedCall(catalog, [name, { roles, uid, name: moduleName, version, redis_version }]) {
  switch (name) {
    case "list_modules":
      return catalog.listModules(roles);
    case "get_module":
      return catalog.getModule(roles, uid);
    case "find_modules":
      return catalog.findModules(roles, moduleName, version);
    case "latest_modules":
      return catalog.latestModules(roles);
    case "fitting_modules":
      return catalog.fittingModules(roles, redis_version);
    default:
      throw new Error(`no call has the name ${name}`);
  }
}

/** An answer as case files have it: fields by their names in documents, absent ones left out. */
export function snakeCase(answer) {
  if (Array.isArray(answer)) {
    return answer.map(snakeCase);
  }
  if (typeof answer !== "object") {
    return answer;
  }
  const present = Object.entries(answer).filter(([, value]) => value !== undefined);
  const renamed = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const valueOf = (name, value) => (name === "rule" ? value.replaceAll("-", "_") : snakeCase(value));
  return Object.fromEntries(present.map(([name, value]) => [renamed(name), valueOf(name, value)]));
}

/** The outcome of a call that ended in this error of the component. */
export function errorOf({ tag, val = null }) {
  return { error: { [tag.replace("-", "_")]: val } };
}
