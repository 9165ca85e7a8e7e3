import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { openReader } from "../../src/workflow/reader.ts";

const troubled = openReader(new URL("./endless.worker.ts", import.meta.url));
afterAll(() => troubled.close());

const good = "name: fix\nphases: [{ name: a, type: context }]\n";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.for([
  ["never ends", "# loop", "bad.yaml:1:1 took longer than 200 ms to read"],
  ["takes its thread with it", "# exit", "bad.yaml:1:1 could not be read: it stopped the reader"],
])("a file whose reading %s is stopped, and the files around it are read", async ([, text, message]) => {
  const [before, bad, after] = await Promise.all([
    troubled.read("before.yaml", bytes(good)),
    troubled.read("bad.yaml", bytes(`${text}\n${good}`)),
    troubled.read("after.yaml", bytes(good)),
  ]);
  expect(bad.complaints.map(printComplaint)).toEqual([message]);
  expect([before.version?.name, after.version?.name]).toEqual(["fix", "fix"]);
});

test("a reader that does not start says so instead of waiting for ever", async () => {
  const reader = openReader(new URL("./nowhere.ts", import.meta.url));
  const { complaints } = await reader.read("fix.yaml", bytes(good));
  expect(complaints[0]?.message).toMatch(/^not read: the reader does not start/);
  await reader.close();
});

test("a process that asked one question can end without closing the reader", async () => {
  const url = new URL("../../src/workflow/reader.ts", import.meta.url);
  const program = `import { openReader } from ${JSON.stringify(url.href)};
    const { version } = await openReader().read("fix.yaml", new TextEncoder().encode(${JSON.stringify(good)}));
    console.log(version.name);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(stdout).toBe("fix\n");
});
