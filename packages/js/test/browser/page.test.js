// The page in Chromium, as its readers use it: with a mouse, with a keyboard, with a screen reader.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { PACKAGE } from "../tools.js";
import { serveFolder, startChromium } from "./chromium.js";

const PAGE = join(PACKAGE, "dist/page");
const DOCS = fileURLToPath(new URL("../../../../docs", import.meta.url));
const AXE = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const DEMONSTRATION = JSON.parse(readFileSync(join(PAGE, "demonstration.json"), "utf8"));

let browser, site, folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "ccs-modules-"));
  site = await serveFolder(PAGE);
  browser = await startChromium();
});

after(async () => {
  await browser.close();
  site.stop();
  rmSync(folder, { recursive: true });
});

test("the demonstration shows modules by name, versions newest first", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  const groups = await page.locator(".group").evaluateAll((groups) =>
    groups.map((group) => [
      group.querySelector("h3").textContent,
      ...Array.from(group.querySelectorAll(".badges li"), (version) => version.textContent),
    ]),
  );
  assert.deepEqual(groups, [
    ["bf", "8.0.1", "2.8.7", "2.6.18", "2.4.15"],
    ["ReJSON", "7.99.3", "2.8.10", "2.6.17", "2.4.13"],
    ["search", "7.99.91", "2.10.17", "2.8.26", "2.6.29"],
    ["timeseries", "8.0.2", "1.12.7", "1.10.18", "1.8.18"],
  ]);
  // The count is on the page once.
  assert.match(await page.locator("#facts").textContent(), /16 modules of 4 names/);
  assert.equal(await page.locator("#status").textContent(), "Demonstration is open.");
  assert.equal(await page.locator(".needs").first().textContent(), "8.0.1 needs Redis 7.4 or later");
  await page.getByRole("button", { name: "search" }).click();
  assert.deepEqual(await table(page, ".versions:not([hidden]) table"), [
    ["Version", "Name", "Needs Redis", "Document"],
    ["7.99.91", "RediSearch 2", "8.0 or later", "Show"],
    ["2.10.17", "RediSearch 2", "7.4 or later", "Show"],
    ["2.8.26", "RediSearch 2", "7.1 or later", "Show"],
    ["2.6.29", "RediSearch 2", "6.0.7 or later", "Show"],
  ]);
});

test("it says what fits a Redis version, by which rule and why", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  const outcomes = async (redis) => {
    await page.getByLabel("Redis version").fill(redis);
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText(`A ${redis} database gets`).waitFor();
    return page.locator(".outcome").allTextContents();
  };
  const made = (redis) => `made for ${redis}: compatible_redis_version is ${redis}`;
  assert.deepEqual(await outcomes("7.2"), [
    `7.2 gets 2.6.18 ${made("7.2")}`,
    `7.2 gets 2.6.17 ${made("7.2")}`,
    "7.2 gets 2.8.26 runs on 7.2: min_redis_version is 7.1, and no version is made for 7.2",
    `7.2 gets 1.10.18 ${made("7.2")}`,
  ]);
  assert.match((await outcomes("8.0")).join(), /8.0 gets 7.99.91/);
  assert.match((await outcomes("5.0"))[0], /^none for 5.0 .*compatible_redis_version/);

  await outcomes("7.2");
  await page.getByRole("button", { name: "search" }).click();
  const rows = await table(page, ".versions:not([hidden]) table");
  assert.deepEqual(rows.map((row) => row[3]), [
    "Fits 7.2",
    "no compatible_redis_version is 8.0",
    "no compatible_redis_version is 7.4",
    "yes runs on 7.2: min_redis_version is 7.1, and no version is made for 7.2",
    "no min_redis_version is 6.0.7, another major version",
  ]);

  await page.getByLabel("Redis version").fill("seven");
  await page.keyboard.press("Enter");
  await page.locator("#error-redis").getByText("seven").waitFor();
  assert.equal(await page.getByLabel("Redis version").getAttribute("aria-invalid"), "true");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText("All modules are shown.").waitFor();
  assert.equal(await page.locator(".outcome").count(), 0);
});

test("modules are found by a part of their name, and by name and version", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  const find = page.getByLabel("Find a module");
  await find.fill("JSO");
  await page.locator(".group h3", { hasText: "search" }).waitFor({ state: "detached" });
  assert.deepEqual(await page.locator(".group h3").allTextContents(), ["ReJSON"]);
  await page.getByRole("status").getByText("1 name found.").waitFor();
  await find.fill("SEARCH@2.8");
  await page.locator("#groups > div > .scroll").waitFor();
  assert.deepEqual((await table(page, "#groups table")).map(([version]) => version), ["Version", "2.8.26"]);
  await find.fill("nothing");
  await page.getByText("No name contains “nothing”.").waitFor();
});

test("a document is shown whole, with each field as it is stored", async (t) => {
  const page = await opened(t);
  const document = '{"big":12345678901234567890123,"module_name":"m","uid":"u","version":1e2,"z":{"10":1,"9":2}}';
  await openText(page, `[${document}]`);
  await page.getByRole("button", { name: "m", exact: true }).click();
  await page.getByRole("button", { name: /^Show the document of m/ }).click();
  const dialog = page.getByRole("dialog");
  const shown = await dialog.locator("pre").textContent();
  assert.equal(shown, document.replace("1e2", "100"));
  assert.deepEqual(await table(page, "dialog table"), [
    ["Field", "Value"],
    ["big", "12345678901234567890123"],
    ["module_name", '"m"'],
    ["version", "100"],
    ["z", '{"10":1,"9":2}'],
  ]);
});

test("modules without a name or a semantic version are shown, too", async (t) => {
  const page = await opened(t);
  const modules = [{ uid: "a" }, { uid: "b", module_name: "m", version: 20100 }, { uid: "c", module_name: "M" }];
  await openText(page, JSON.stringify(modules));
  assert.deepEqual(await page.locator(".group h3").allTextContents(), ["m", "Modules without a name"]);
  assert.deepEqual(await page.locator(".badges li").allTextContents(), ["20100", "no version"]);
  await page.getByRole("button", { name: "Modules without a name" }).click();
  const [, row] = await table(page, ".versions:not([hidden]) table");
  assert.deepEqual(row, ["no version", "", "of any version", "Show"]);
});

test("differences are shown between two files, either way around", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  await compareWith(page, newer());
  assert.equal(await page.locator("#compared").textContent(), "from Demonstration to newer.json");
  assert.equal(await page.locator("#status").textContent(), "1 module added, 1 module removed, 2 modules changed.");
  const heads = () => page.locator(".difference h3").allTextContents();
  assert.deepEqual(await heads(), ["Added 1", "Removed 1", "Changed 2"]);
  assert.deepEqual(await table(page, ".difference table >> nth=0"), [
    ["Field", "Before", "After"],
    ["command_line_args", '""', '"PARTITIONS AUTO"'],
    ["min_redis_version", '"7.4"', '"7.4.1"'],
  ]);
  await page.getByRole("button", { name: "Swap" }).click();
  await page.getByText("from newer.json to Demonstration").waitFor();
  assert.deepEqual((await table(page, ".difference table >> nth=0"))[2], ["min_redis_version", '"7.4.1"', '"7.4"']);
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await page.locator("#differences").isVisible(), false);
  await compareWith(page, DEMONSTRATION);
  await page.getByText("The catalogs hold the same modules.").waitFor();
});

test("a malformed file gets the component's error, and the catalog stays", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  await page.getByRole("button", { name: "Open another" }).click();
  await choose(page, "bad.json", '[\n  {"uid": "a"},\n  {"uid": "b", "version": "x"}\n]\n');
  const alert = page.getByRole("alert");
  await alert.getByText("bad.json cannot be opened").waitFor();
  await alert.getByText('line 3, column 3: document "b": field version: a string, expected an integer').waitFor();
  assert.equal(await alert.locator("pre").textContent(), '  {"uid": "b", "version": "x"}');
  assert.equal(await alert.locator("mark").textContent(), '"version": "x"');
  assert.equal(await page.locator(".group").count(), 4);
  for (const text of ["", "{}", '[{"uid":"a"}', "[] x", "\u0000", "\ufeff[]"]) {
    await choose(page, `${JSON.stringify(text).length}.json`, text);
    await alert.getByText(/: /).first().waitFor();
  }
  for (const [text, before, marked] of [
    ['[{"a":{"version":1,"b":[1,2]},\n"version" : "\u00e9" , "uid":"a"}]', "", '"version" : "\u00e9"'],
    ['[{"uid":"version","version":[1,{"version":","}]}]', '[{"uid":"version",', '"version":[1,{"version":","}]'],
    ['[{"module_name":"a"}]', "[", "{"],
    ['[{"uid":"a",]', '[{"uid":"a",', "]"],
  ]) {
    await choose(page, "marked.json", text);
    await alert.locator("mark", { hasText: marked }).waitFor();
    assert.equal(await alert.locator("mark").textContent(), marked);
    assert.equal(await alert.locator("pre").evaluate((pre) => pre.firstChild.textContent), before);
  }
  await choose(page, "latin1.json", Buffer.from('[{"uid":"\xe9"}]', "latin1"));
  await alert.getByText("the body: not UTF-8").waitFor();
});

test("texts of a file never become markup", async (t) => {
  const page = await opened(t);
  const hostile = '<img src=x onerror="document.title=1"><b>bold</b>';
  const module = { uid: hostile, module_name: hostile, display_name: hostile, semantic_version: hostile, min_redis_version: hostile, homepage: "javascript:document.title=1", [hostile]: hostile };
  await openText(page, JSON.stringify([module]));
  await page.locator(".toggle").click();
  await page.locator("table button").click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await compareWith(page, [{ ...module, [hostile]: "changed", author: hostile }]);
  await choose(page, `${hostile.replaceAll("/", "")}.json`, `[{"uid":"${hostile.replaceAll('"', "'")}","version":"x"}]`);
  assert.equal(await page.locator("main img, main b, dialog img, main a").count(), 0);
  assert.equal(await page.title(), "Redis Enterprise modules");
});

test("files are dropped, pasted and named by a URL", async (t) => {
  const page = await opened(t);
  await page.evaluate(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(['[{"module_name":"dropped","uid":"a"}]'], "dropped.json"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
  });
  await page.locator("h3", { hasText: "dropped" }).waitFor();
  await page.evaluate(() => {
    const pasted = new DataTransfer();
    pasted.setData("text", '[{"module_name":"pasted","uid":"a"}]');
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted, bubbles: true, cancelable: true }));
  });
  await page.locator("h3", { hasText: "pasted" }).waitFor();
  await page.getByRole("button", { name: "Open another" }).click();
  const url = page.getByLabel("Or name a URL");
  assert.equal(await url.inputValue(), `${site.address}/v1/modules`);
  await url.press("Enter");
  await page.locator("#error-url").getByText(`${site.address}/v1/modules answered 404 Not Found: no such file`).waitFor();
  assert.equal(await url.getAttribute("aria-invalid"), "true");
  await url.fill(`${site.address}/demonstration.json`);
  await url.press("Enter");
  await page.locator("h3", { hasText: "search" }).waitFor();
});

test("served beside the modules, it opens them with the credentials of its reader", async (t) => {
  const modules = join(folder, "modules.json");
  writeFileSync(modules, JSON.stringify(DEMONSTRATION));
  const access = join(folder, "access.json");
  const digest = createHash("sha256").update("secret").digest("hex");
  writeFileSync(access, JSON.stringify({ users: [{ name: "ann", password_sha256: digest, roles: ["db_viewer"] }] }));
  const words = [join(PACKAGE, "dist/cli.js"), "--file", modules, "--access", access, "--page", "--port", "0"];
  const server = spawn(process.execPath, words);
  t.after(() => server.kill());
  const [line] = await once(createInterface({ input: server.stdout }), "line");
  const [, address] = line.match(/at (http:.*)\/v1\/modules$/);
  const page = await opened(t, { httpCredentials: { username: "ann", password: "secret" } }, address);
  // Its catalog is opened at once.
  await page.locator("#catalog h3", { hasText: "search" }).waitFor();
  assert.equal(await page.locator("#facts strong").textContent(), new URL(address).host);
  assert.equal(await page.locator("#opening").isVisible(), false);
  await page.getByRole("button", { name: "Open another" }).click();
  assert.equal(await page.getByLabel("Or name a URL").inputValue(), `${address}/v1/modules`);
  await page.getByLabel("Or name a URL").press("Enter");
  await page.locator("#facts strong", { hasText: "/v1/modules" }).waitFor();
});

test("an error stands beside its field, and nothing above it moves", async (t) => {
  const page = await opened(t);
  const top = (locator) => locator.evaluate((element) => element.getBoundingClientRect().top);
  await openDemonstration(page);
  const redis = page.getByLabel("Redis version");
  const places = async () => [await top(redis), await top(page.locator("#groups"))];
  const before = await places();
  await redis.fill("seven");
  await page.keyboard.press("Enter");
  await page.locator("#error-redis p").first().waitFor();
  assert.deepEqual(await places(), before);

  await page.getByRole("button", { name: "Open another" }).click();
  const text = page.getByLabel("Or paste the text");
  const place = await top(text);
  await text.fill("[1]");
  await text.locator("xpath=..").getByRole("button").click();
  await page.locator("#error-text", { hasText: "Pasted text cannot be opened" }).waitFor();
  assert.equal(await top(text), place);
  assert.equal(await page.locator(".error:not(:empty)").count(), 1);
});

test("a worker that cannot be loaded is an error, also for what is opened later", async (t) => {
  const page = await opened(t, {}, site.address, (page) => page.route("**/worker.js", (route) => route.abort()));
  page.expected = /ERR_FAILED|404/;
  for (const name of ["a.json", "b.json"]) {
    await choose(page, name, "[]");
    await page.locator("#error-file", { hasText: `${name} cannot be opened` }).waitFor({ timeout: 5000 });
    await page.getByText("the page's worker cannot be loaded").waitFor({ timeout: 5000 });
  }
});

test("a URL that the browser may not read says what to do", async (t) => {
  const page = await opened(t);
  const other = createServer((_, response) => response.end("[]")).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  page.expected = /CORS|ERR_FAILED/;
  await page.getByLabel("Or name a URL").fill(`http://127.0.0.1:${other.address().port}/v1/modules`);
  await page.keyboard.press("Enter");
  await page.getByText(/does not let other sites read it \(CORS\)/).waitFor();
});

test("everything works by keyboard, and the focus goes where the reader is", async (t) => {
  const page = await opened(t);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id);
  const tabTo = async (text) => {
    for (let presses = 0; presses < 30; presses++) {
      await page.keyboard.press("Tab");
      if ((await focused()) === text) {
        return;
      }
    }
    assert.fail(`no Tab leads to ${text}`);
  };
  await tabTo("Choose a file");
  await tabTo("Try the demonstration catalog");
  await page.keyboard.press("Enter");
  await page.locator("#catalog").waitFor();
  assert.equal(await focused(), "Catalog");
  const order = [];
  for (let presses = 0; presses < 6; presses++) {
    await page.keyboard.press("Tab");
    order.push(await focused());
  }
  assert.deepEqual(order, ["Compare with another file", "Open another", "find", "redis", "Show", "bf"]);
  await tabTo("search");
  await page.keyboard.press("Space");
  await page.locator(".versions:not([hidden]) table").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Show the document of search 7.99.91");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.match(await focused(), /^RediSearch 2/);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Show the document of search 7.99.91");
  await page.locator("#open-another").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "Open a catalog");
  await tabTo("Cancel");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "Open another");
});

test("pages of a long list are turned by keyboard to their end and back", async (t) => {
  const page = await opened(t);
  await openText(page, manyModules(120, 120));
  await page.getByRole("button", { name: "Next" }).focus();
  for (const [range, focused] of [["51–100", "Next"], ["101–120", "Previous"], ["51–100", "Previous"], ["1–50", "Next"]]) {
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: `${range} of 120 names` }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), focused);
  }
});

test("a screen reader is told the structure, the versions and what fits", async (t) => {
  const page = await opened(t);
  await openDemonstration(page);
  await page.getByLabel("Redis version").fill("7.4");
  await page.keyboard.press("Enter");
  await page.locator(".badge.fits").first().waitFor();
  const tree = await page.locator("#catalog").ariaSnapshot();
  for (const part of [
    'heading "Catalog" [level=2]',
    'searchbox "Find a module"',
    'heading "bf" [level=3]',
    'button "bf"',
    'list "Versions, newest first"',
    "7.4 gets 2.8.7 made for 7.4: compatible_redis_version is 7.4",
  ]) {
    assert.ok(tree.includes(part), `${part} is not in\n${tree}`);
  }
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds no violation in ${colorScheme}`, async (t) => {
    const page = await opened(t, { colorScheme });
    const check = async (state) => {
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
      const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(found, [], state);
    };
    await check("the empty page");
    await choose(page, "bad.json", '[{"uid":1}]');
    await page.getByText("bad.json cannot be opened").waitFor();
    await check("an error");
    await openDemonstration(page);
    await check("a catalog");
    await page.getByLabel("Redis version").fill("7.2");
    await page.keyboard.press("Enter");
    await page.locator(".badge.fits").first().waitFor();
    await page.getByRole("button", { name: "search" }).click();
    await page.locator("table").waitFor();
    await check("what fits");
    await page.locator("table button").first().click();
    await page.getByRole("dialog").waitFor();
    await check("a document");
    await page.keyboard.press("Escape");
    await compareWith(page, newer());
    await check("differences");
  });
}

test("a narrow screen needs no scrolling sideways", async (t) => {
  const page = await opened(t, { viewport: { width: 360, height: 700 } });
  const isWider = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(await isWider(), false);
  await openDemonstration(page);
  await page.getByRole("button", { name: "search" }).click();
  await page.locator("table").waitFor();
  assert.equal(await isWider(), false);

  // A field stands above its value, which has the width of the screen, and every button is in sight.
  await page.getByRole("button", { name: /^Show the document of search/ }).first().click({ trial: true });
  const isScrolled = await page.locator(".scroll").evaluate((scroll) => scroll.scrollWidth > scroll.clientWidth);
  assert.equal(isScrolled, false);
  await page.getByRole("button", { name: /^Show the document of search/ }).first().click();
  const value = page.locator("dialog td").first();
  assert.ok((await value.boundingBox()).width > 240, JSON.stringify(await value.boundingBox()));
});

test("between a narrow and a wide screen, a row has no empty half", async (t) => {
  const page = await opened(t, { viewport: { width: 800, height: 700 } });
  await openDemonstration(page);
  const hasNoEmptyHalf = async (place) => {
    const [row, said] = [page.locator(".group-head").first(), page.locator(place).first()];
    await said.waitFor();
    const [{ height }, badges] = [await row.boundingBox(), await page.locator(".badges").first().boundingBox()];
    assert.ok(height < 130, `${height}`);
    assert.equal((await said.boundingBox()).x, badges.x);
  };

  await hasNoEmptyHalf(".needs");
  await page.getByLabel("Redis version").fill("7.2");
  await page.keyboard.press("Enter");
  await hasNoEmptyHalf(".outcome");
});

test("100,000 modules are opened, turned over and searched", async (t) => {
  const page = await opened(t);
  const path = join(folder, "many.json");
  writeFileSync(path, manyModules(100_000, 25_000));
  const timed = async (what, work) => {
    const start = performance.now();
    await work();
    t.diagnostic(`${what}: ${Math.round(performance.now() - start)} ms`);
  };
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      window.longest = Math.max(window.longest, ...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: "longtask" });
  });
  await timed("opening", async () => {
    await page.setInputFiles("#file", path);
    await page.getByText("100,000 modules of 25,000 names").waitFor({ timeout: 120_000 });
  });
  const names = () => page.locator(".group h3").allTextContents();
  assert.equal((await names()).length, 50);
  await timed("the next page", async () => {
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("51–100 of 25,000 names").first().waitFor();
  });
  assert.deepEqual((await names()).length, 50);
  await timed("finding a name", async () => {
    await page.getByLabel("Find a module").fill("module-24999");
    await page.locator("h3", { hasText: "module-24999" }).waitFor();
  });
  await timed("what fits", async () => {
    await page.getByLabel("Redis version").fill("7.4");
    await page.keyboard.press("Enter");
    await page.getByText("A 7.4 database gets").waitFor({ timeout: 60_000 });
  });
  await page.getByLabel("Find a module").fill("");
  await page.getByText("1–50 of 25,000 names").waitFor();
  await timed("scrolling through a page", () =>
    page.evaluate(async () => {
      for (let y = 0; y < document.body.scrollHeight; y += 400) {
        scrollTo(0, y);
        await new Promise(requestAnimationFrame);
      }
    }),
  );
  t.diagnostic(`the longest time without a response: ${await page.evaluate(() => window.longest)} ms`);
  const elements = await page.locator("*").count();
  assert.ok(elements < 2000, `${elements} elements`);
});

// UPDATE_EXPECT=1 writes them.
test("screenshots for the documentation", { skip: !process.env.UPDATE_EXPECT }, async (t) => {
  const shoot = (page, name) => page.screenshot({ path: join(DOCS, `page-${name}.png`), animations: "disabled" });
  for (const colorScheme of ["light", "dark"]) {
    const page = await opened(t, { colorScheme, viewport: { width: 1100, height: 780 } });
    await openDemonstration(page);
    await page.getByLabel("Redis version").fill("7.2");
    await page.keyboard.press("Enter");
    await page.locator(".badge.fits").first().waitFor();
    await page.getByRole("button", { name: "search" }).click();
    await page.locator("table").waitFor();
    await page.mouse.move(0, 0);
    await shoot(page, colorScheme);
    if (colorScheme === "light") {
      await compareWith(page, newer());
      await page.mouse.move(0, 0);
      await shoot(page, "differences");
    }
  }
});

/** Opens the page. A test fails if the page logs an error or asks another site for anything. */
async function opened(t, options = {}, address = site.address, prepare = async () => {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await prepare(page);
  const errors = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (message) => {
    const isExpected = page.expected?.test(message.text()) || message.text().includes("404");
    if (message.type() === "error" && !isExpected) {
      errors.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(address) && !page.expected) {
      errors.push(`a request to ${request.url()}`);
    }
  });
  await page.goto(address);
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  return page;
}

async function openDemonstration(page) {
  await page.getByRole("button", { name: "demonstration" }).click();
  await page.locator("#catalog h3", { hasText: "search" }).waitFor();
}

async function openText(page, text) {
  await page.getByLabel("Or paste the text").fill(text);
  await page.getByLabel("Or paste the text").locator("xpath=..").getByRole("button").click();
  await page.locator("#catalog").waitFor();
}

function choose(page, name, content) {
  return page.setInputFiles("#file", { name, mimeType: "application/json", buffer: Buffer.from(content) });
}

async function compareWith(page, modules) {
  await page.getByRole("button", { name: "Compare" }).click();
  await choose(page, "newer.json", JSON.stringify(modules));
  await page.locator("#differences").waitFor();
}

/** The texts of a table, by rows. */
async function table(page, selector) {
  await page.locator(selector).waitFor();
  return page.locator(selector).evaluate((table) =>
    Array.from(table.rows, (row) => Array.from(row.cells, (cell) => cell.textContent)),
  );
}

/** The demonstration catalog as it may be after a while. */
function newer() {
  const modules = DEMONSTRATION.filter(({ uid }) => uid !== find("bf", "2.4.15").uid);
  const changes = {
    [find("search", "2.10.17").uid]: { min_redis_version: "7.4.1", command_line_args: "PARTITIONS AUTO" },
    [find("timeseries", "8.0.2").uid]: { description: "Time series, with labels and downsampling" },
  };
  const added = { ...find("search", "7.99.91"), uid: "4f6e0d5cbb2a4f", semantic_version: "8.2.1", version: 80201 };
  return [...modules.map((module) => ({ ...module, ...changes[module.uid] })), added];
}

function find(name, version) {
  return DEMONSTRATION.find((module) => module.module_name === name && module.semantic_version === version);
}

/** The body of a list of documents of a real size. */
function manyModules(count, names) {
  const [model] = DEMONSTRATION;
  const documents = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      ...model,
      uid: index.toString(16).padStart(32, "0"),
      module_name: `module-${index % names}`,
      semantic_version: `1.${Math.floor(index / names)}.${index % 100}`,
      compatible_redis_version: `7.${index % 5}`,
    }),
  );
  return `[${documents.join(",")}]\n`;
}
