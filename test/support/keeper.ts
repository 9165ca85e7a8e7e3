import type { Keeper } from "../../src/engine/contracts/keeper.ts";

/** For worlds whose phases are no programs: to start one is a mistake of the test. */
export const noPrograms: Keeper = {
  run: () => Promise.reject(new Error("this world starts no programs")),
  workspace: () => "",
  claimed: () => false,
  clear: () => Promise.resolve(),
  strays: () => [],
};

/** What an engine needs beside a keeper, where the test is not about it. */
export const calm = {
  keeper: noPrograms,
  ballast: { drop: () => {}, restore: async () => true },
  handling: <T>(_run: string, work: () => T): T => work(),
  settings: {
    models: {},
    variants: {},
    approvals: new Set<string>(),
    sandbox: "none" as const,
    path: "",
    hidden: [],
    unsandboxed: false,
    secrets: {},
    publicUrl: "",
    artefacts: "artefacts",
    agent: "scripted",
  },
  blobs: {
    keep: () => Promise.reject(new Error("this world keeps no files")),
    text: () => Promise.reject(new Error("this world reads no files")),
  },
  startChild: () => Promise.reject(new Error("this world starts no child runs")),
};
