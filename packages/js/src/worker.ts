/** A worker to deploy as it is. Its bindings configure it. */

import type { Authenticate } from "./access.js";
import { Service } from "./service.js";
import { type KeyValue, keyValue, load, loadStandalone, respond } from "./workerd.js";

/** The worker's bindings. */
export interface Env {
  /** The Workers KV namespace that holds the modules. */
  CCS: KeyValue;
  /** The key of that namespace; `modules` by default. */
  CCS_KEY?: string;
  /** The access policy: JSON, or its value. Without one no caller is authenticated. */
  CCS_ACCESS?: string | object;
}

const plugin = load();
const standalone = loadStandalone();

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const store = keyValue(env.CCS, env.CCS_KEY);
    return respond(new Service(plugin, store, authenticate(env.CCS_ACCESS)), request);
  },
};

/** The policy that was read last. The bindings are the same for every request of a worker. */
let known: { policy: Env["CCS_ACCESS"]; authenticate: Authenticate } | undefined;

function authenticate(policy: Env["CCS_ACCESS"]): Authenticate {
  if (known === undefined || known.policy !== policy) {
    const text = typeof policy === "object" ? JSON.stringify(policy) : policy;
    known = { policy, authenticate: standalone.authenticate(text) };
  }
  return known.authenticate;
}
