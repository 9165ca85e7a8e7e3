/**
 * Inside a sandbox: passes what connects to the loopback on to the proxy's socket. Alone in its file and without
 * imports of ours, since nothing else of lastlight is there; without a word that only TypeScript knows, so that it is
 * run as JavaScript and starts at once. It says so once it listens and closes its output, which is what its starter
 * waits for.
 */
import { closeSync, writeSync } from "node:fs";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";

const [socket = "", port = ""] = process.argv.slice(2);

// A program that is asked to end may still have something to say to someone.
const stay = () => {};
process.on("SIGHUP", stay).on("SIGINT", stay).on("SIGTERM", stay);

createServer({ allowHalfOpen: true }, (client) => {
  const proxy = connect({ path: socket, allowHalfOpen: true });
  pipeline(client, proxy, () => {});
  pipeline(proxy, client, () => {});
}).listen(Number(port), "127.0.0.1", () => {
  writeSync(1, "ready");
  closeSync(1);
});
