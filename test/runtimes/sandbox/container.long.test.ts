import { afterAll } from "vitest";
import { container } from "../../../src/runtimes/sandbox/container.ts";
import { keepsConfined } from "./confinement.ts";
import { keepsLimits } from "./exhaustion.ts";
import { IMAGE, podman } from "./image.ts";
import { CACHE } from "./world.ts";

const engine = podman();
const sandbox = container({ engine: "podman", image: IMAGE, environment: engine.environment, cache: CACHE });
afterAll(() => engine.close());

keepsConfined(sandbox, engine.refusal);
keepsLimits(sandbox, engine.refusal);
