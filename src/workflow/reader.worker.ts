import { enableCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import type { Answer, Question } from "./reader.ts";

// A thread compiles for itself, and forgets it all when it is let go.
enableCompileCache();
const { check } = await import("./check.ts");

// The parser makes an error object for each of 60,000 mistakes, and nobody reads where in it they were made.
Error.stackTraceLimit = 0;

// The first file a process checks pays for compiling everything; the time limit is not meant for that.
const first =
  "name: first\ninputs: { a: { type: string, default: x } }\nphases: [{ name: a, type: bash, command: x }]\n";
check("first.yaml", new TextEncoder().encode(first));

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

parentPort?.on("message", ({ file, bytes, files }: Question) => {
  const checked = check(file, bytes, files);
  parentPort?.postMessage({ checked, cpuMs: cpuMs() } satisfies Answer);
});
parentPort?.postMessage({ checked: null, cpuMs: cpuMs() } satisfies Answer);
