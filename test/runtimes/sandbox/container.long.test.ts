import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { container } from "../../../src/runtimes/sandbox/container.ts";
import { temporaryFolder } from "../../support/world.ts";
import { keepsConfined } from "./confinement.ts";
import { keepsLimits } from "./exhaustion.ts";
import { IMAGE, podman } from "./image.ts";
import { CACHE, world } from "./world.ts";

const engine = podman();
const sandbox = container({ engine: "podman", image: IMAGE, environment: engine.environment, cache: CACHE });
afterAll(() => engine.close());

keepsConfined(sandbox, engine.refusal);
keepsLimits(sandbox, engine.refusal);

test.skipIf(engine.refusal !== null)("a program carries its keeper's mark into the container", async () => {
  const { run } = world(sandbox);
  const keeper = ["sh", "-c", 'ulimit -f 123456789 && exec "$@"', "keeper"];
  const done = await run(["cat", "/proc/self/limits"], {}, keeper);
  expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/^Max file size +(63209875968|126419751936) /m) });
});

test.skipIf(engine.refusal !== null)("an image without a shell makes no sandbox, and that is said", async () => {
  const [folder, image] = [temporaryFolder(), "localhost/lastlight-empty:1"];
  writeFileSync(join(folder, "README"), "nothing else");
  const tar = execFileSync("tar", ["-C", folder, "-c", "."]);
  const settings = { env: engine.environment, input: tar, stdio: "pipe" } as const;
  execFileSync("podman", ["import", "-q", "-", image], settings);
  const { run } = world(sandbox);
  expect(await run(["true"], { image })).toMatchObject({
    code: 126,
    verdict: { of: "unmade", told: expect.stringContaining("podman could not start the container") },
  });
});
