/** A worker that is ready to deploy, configured by its bindings. */

import { authenticate, type Policy } from "./access.js";
import { Service } from "./service.js";
import { type KeyValue, keyValue, load, respond } from "./workerd.js";

/** The worker's bindings. */
export interface Env {
  /** The Workers KV namespace that holds the modules. */
  CCS: KeyValue;
  /** The key in it; `modules` by default. */
  CCS_KEY?: string;
  /** The access policy, as JSON; none lets nobody in. */
  CCS_ACCESS?: Policy;
}

const plugin = load();

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const service = new Service(
      plugin,
      keyValue(env.CCS, env.CCS_KEY),
      authenticate(env.CCS_ACCESS),
    );
    return respond(service, request);
  },
};
