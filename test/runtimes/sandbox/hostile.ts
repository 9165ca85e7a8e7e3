/** A program that means harm, for inside a sandbox: does what it is told and prints what it got. Nothing but Node's own. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";

const attempts: { readonly [name: string]: (...words: string[]) => unknown } = {
  read: (path = "") => readFileSync(path, "utf8"),
  list: (path = "") => readdirSync(path),
  write: (path = "", text = "mine") => writeFileSync(path, text),
  tcp: (host = "", port = "") => connected({ host, port: Number(port) }),
  unix: (path = "") => connected({ path }),
  abstract: (name = "") => connected({ path: `\0${name}` }),
  udp: (host = "", port = "") =>
    new Promise((resolve, reject) => {
      const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
      socket.send("out", Number(port), host, (error) => {
        socket.close();
        if (error) reject(error);
        else resolve("sent");
      });
    }),
  fetch: async (url = "") => (await fetch(url)).status,
  /** Posts JSON with a bearer's token, or without one: the answer's status and its text. */
  post: async (url = "", body = "", token = "") => {
    const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
    const headers = { "content-type": "application/json", ...authorization };
    const response = await fetch(url, { method: "POST", body, headers });
    return `${response.status} ${await response.text()}`;
  },
  /** The same, but as whoever asks a proxy for a plain address: without a tunnel. */
  relay: (url = "", body = "", token = "") =>
    new Promise((resolve, reject) => {
      const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
      const headers = { host: new URL(url).host, "content-type": "application/json", ...authorization };
      const proxy = new URL(process.env.HTTP_PROXY ?? "http://127.0.0.1:3128");
      // Node's own agent would ask the proxy for the proxy.
      const to = { agent: new Agent(), host: proxy.hostname, port: proxy.port, path: url };
      const asked = request({ ...to, method: "POST", headers }, (answer) => {
        answer.once("data", (text: Buffer) => resolve(`${answer.statusCode} ${text}`));
      });
      asked.once("error", reject).end(body);
    }),
  lookup: async (name = "") => (await lookup(name)).address,
  shell: (command = "") => execFileSync("bash", ["-c", command], { encoding: "utf8", stdio: "pipe" }),
  link: (path = "", to = "") => symlinkSync(to, path),
  /** By which process' root or working directory a file of the machine's can be read. */
  through: (path = "") => {
    const found: string[] = [];
    everyProcess((pid) => {
      for (const way of [`/proc/${pid}/root${path}`, `/proc/${pid}/cwd/${"../".repeat(9)}${path}`])
        if (tried(() => readFileSync(way)) !== undefined) found.push(way);
      return "";
    });
    return found;
  },
  environments: () => everyProcess((pid) => readFileSync(`/proc/${pid}/environ`, "utf8")),
  commands: () => everyProcess((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
  descriptors: () => readdirSync("/proc/self/fd").map((fd) => tried(() => readlinkSync(`/proc/self/fd/${fd}`))),
  status: () => readFileSync("/proc/self/status", "utf8"),
  /** Files of the machine's in /proc that can be opened to be written. */
  changeable: () => {
    const found: string[] = [];
    everyFile("/proc", /^\/proc\/(\d+|self|thread-self|net|mounts)$/, (path) => {
      try {
        // What is masked is no file, and takes anything.
        if (!statSync(path).isFile()) return;
        closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
        found.push(path);
      } catch {}
    });
    return found;
  },
  /** Places where a file can be made. */
  writable: () => {
    const found: string[] = [];
    for (const path of [
      "/",
      "/bin",
      "/usr",
      "/usr/bin",
      "/etc",
      "/lib",
      "/var",
      "/run",
      "/run/lastlight",
      "/dev",
      "/dev/shm",
      "/home",
      "/home/agent",
      "/tmp",
      "/proc",
      "/sys",
      "/opt",
      "/srv",
      "/root",
    ])
      try {
        writeFileSync(join(path, "made"), "");
        found.push(path);
      } catch {}
    return found;
  },
  /** Files outside /usr and the kernel's own that hold a word. */
  holding: (word = "") => {
    const found: string[] = [];
    everyFile("/", /^\/(usr|proc|sys|dev|bin|lib|lib64|sbin)$|hostile\.ts$/, (path) => {
      if (tried(() => statSync(path).size < 1_000_000 && readFileSync(path, "latin1").includes(word)) === true)
        found.push(path);
    });
    return found;
  },
  memory: (bytes = "") => {
    const held: Buffer[] = [];
    for (let left = Number(bytes); left > 0; left -= 2 ** 26) held.push(Buffer.alloc(2 ** 26, 1));
    return held.length;
  },
};

function everyProcess(look: (pid: string) => string): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => tried(() => look(pid)))
    .join("\n");
}

function everyFile(folder: string, not: RegExp, see: (path: string) => void): void {
  for (const entry of tried(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    const path = join(folder, entry.name);
    if (not.test(path)) continue;
    if (entry.isDirectory()) everyFile(path, not, see);
    else if (entry.isFile()) see(path);
  }
}

function connected(to: { host?: string; port?: number; path?: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(to as { port: number });
    socket.once("connect", () => {
      resolve("connected");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

function tried<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

for (const [name = "", ...words] of JSON.parse(process.argv[2] ?? "[]") as string[][])
  try {
    console.log(JSON.stringify({ got: (await attempts[name]?.(...words)) ?? null }));
  } catch (error) {
    const { code, cause, message } = error as NodeJS.ErrnoException;
    console.log(JSON.stringify({ refused: code ?? (cause as NodeJS.ErrnoException | undefined)?.code ?? message }));
  }
