// A day of a mirror, with a fault in every other hour, by a clock that does not wait.

import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { withMemory } from "./tools.js";

const HOUR = 3_600_000;
const FAULTS = ["hung", "denied", "trapped", "full", "replaced", "malformed"];
const LARGE = JSON.stringify(Array.from({ length: 2000 }, (_, at) => ({ uid: `${at}`, description: "x".repeat(1000) })));

test("a mirror goes on whatever happens", async (t) => {
  const clock = startClock(t);
  /** The list of the cluster, which changes all ten minutes. */
  const list = () => `[{"uid":"${Math.floor(clock.passed / 600_000)}"}]`;
  let fault, isHung;
  const fetch = async (url, { signal }) => {
    isHung = fault === "hung";
    if (isHung) {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    const body = { trapped: LARGE, malformed: "[{" }[fault] ?? list();
    return { status: fault === "denied" ? 403 : 200, headers: [], body: new Blob([body]).stream() };
  };

  let stored;
  const storage = {
    load: async () => stored,
    save: async (text) => {
      if (fault === "full") {
        throw new Error("no space left");
      }
      stored = text;
    },
  };
  const lines = [];
  const mirror = withMemory(32).mirror({ nodes: ["http://node1"], refreshMs: 60_000 }, { fetch, storage, log: (line) => lines.push(line) });
  const levels = [];
  const started = mirror.start();
  for (let hour = 0; hour < 24; hour++) {
    fault = hour % 2 ? FAULTS[((hour - 1) / 2) % FAULTS.length] : undefined;
    if (fault === "replaced") {
      stored = stored.slice(0, 20);
    }
    await clock.until((hour + 1) * HOUR - 300_000, () => isHung); // On the hour the list changes.
    if (fault === undefined) {
      assert.equal(mirror.status.freshness, "fresh", `hour ${hour}: ${JSON.stringify(mirror.status)}`);
      assert.ok(stored.includes(list()), stored);
    }
    collect();
    levels.push(process.memoryUsage().rss);
  }
  await started;
  mirror.stop();

  assert.ok(levels.at(-1) - levels[12] < 64 << 20, `${levels}`);
  for (const expected of [/no response in 5000 ms/, /answered 403/, /the mirror starts again/, /cannot be stored: no space/, /is refused/]) {
    assert.match(lines.join("\n"), expected);
  }
});

/** Replaces the clocks and the timers of this program until the test ends. There is one timer at a time. */
function startClock(t) {
  const { setTimeout, clearTimeout } = globalThis;
  const [real, began] = [Date.now, Date.now()];
  const clock = { passed: 0 };
  let timer;
  Date.now = () => began + clock.passed;
  performance.now = () => clock.passed;
  globalThis.setTimeout = (call, wait) => (timer = { call, at: clock.passed + wait, unref() {} });
  globalThis.clearTimeout = (ended) => {
    timer = timer === ended ? undefined : timer;
  };
  t.after(() => {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    delete performance.now;
    Date.now = real;
  });

  /** Goes on to a moment. Only if the cluster `hangs`, a request meets its timeout. */
  clock.until = async (end, hangs) => {
    while (clock.passed < end) {
      await new Promise(setImmediate);
      if (timer !== undefined && (hangs() || timer.call.name !== "late")) {
        const { call, at } = timer;
        timer = undefined;
        clock.passed = Math.max(clock.passed, at);
        call();
      }
    }
  };
  return clock;
}

/** Frees what is not used any more. */
function collect() {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
