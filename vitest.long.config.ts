import { defineConfig } from "vitest/config";

/** They use both cores by themselves, fill the machine on purpose, or kill what they must first have seen to be calm. */
const ALONE = [
  "test/chaos/chaos.long.test.ts",
  "test/simulation/*.long.test.ts",
  "test/engine/restarts.long.test.ts",
  "test/engine/cost.long.test.ts",
  "test/runtimes/sandbox/*.long.test.ts",
];
const patient = { testTimeout: 20 * 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patient,
          name: "alone",
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...patient,
          name: "side by side",
          include: ["test/**/*.long.test.ts"],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
