#!/usr/bin/env node
const OLDEST = 24;

// Before anything native is imported: better-sqlite3 crashes under an older Node without a message.
if (Number(process.versions.node.split(".")[0]) < OLDEST) {
  process.stderr.write(
    `lastlight needs Node ${OLDEST} or newer; this is ${process.versions.node}. In a checkout, npm scripts bring their own.\n`,
  );
  process.exit(78);
}

const { enableCompileCache } = await import("node:module");
enableCompileCache();
const { runCli } = await import("./cli/cli.ts");
process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  addUser: async (config, user) => (await import("./first-user.ts")).addFirstUser(config, user),
  simulate: async (of) => (await import("./simulate.ts")).simulateRuns(of),
  serve: async (config, version, say) => (await import("./serve.ts")).serve(config, version, say),
});
