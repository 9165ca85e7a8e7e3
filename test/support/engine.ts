import type { Log } from "../../src/engine/contracts/log.ts";

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
