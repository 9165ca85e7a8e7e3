import { createSocket } from "node:dgram";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Sandbox } from "../../../src/engine/contracts/sandbox.ts";
import { temporaryFolder } from "../../support/world.ts";
import { type User, world } from "./world.ts";

async function listening(server: Server, where: Parameters<Server["listen"]>[0] | string, host?: string) {
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => void server.listen(where as number, ...((host ? [host] : []) as []), resolve));
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

/** What every sandbox keeps its promise of: each attempt of a hostile program, and what comes of it. */
export function keepsConfined(sandbox: Sandbox, refusal: string | null, user: User = "ours"): void {
  const contained = sandbox.name === "container";
  const tell = refusal === null ? "" : `: not run: ${refusal}`;
  describe.skipIf(refusal !== null)(
    `a hostile program in a sandbox of ${sandbox.name}, its daemon ${user}${tell}`,
    () => {
      describe("does its own work", () => {
        test("where it always finds it, in a folder that is the run's own", async () => {
          const { shell, workspace } = world(sandbox, user);
          const done = await shell("pwd; echo kept > note; echo $HOME $USER; exit 3");
          expect(done).toMatchObject({ code: 3, out: "/home/agent/workspace\n/home/agent agent\n", verdict: null });
          expect(readFileSync(join(workspace, "note"), "utf8")).toBe("kept\n");
        });

        test("reads what it was handed, and cannot change it", async () => {
          const { shell, put } = world(sandbox, user);
          const handed = put("handed over", "spool", "mine", "inputs");
          const done = await shell(`cat "${handed}"; echo x >> "${handed}"; rm -f "${handed}"`, { reads: [handed] });
          expect(done.out).toBe("handed over");
          expect(readFileSync(handed, "utf8")).toBe("handed over");
        });

        test("is ended by a signal as shells say, and missed as shells say", async () => {
          const { shell, run } = world(sandbox, user);
          expect(await shell("kill -KILL $$")).toMatchObject({ code: 137, verdict: null });
          expect(await run(["no-such-program"])).toMatchObject({
            code: 127,
            err: expect.stringContaining("no-such-program"),
          });
        });

        test("takes words as they are: no shell reads them", async () => {
          const { run } = world(sandbox, user);
          const words = ["$(id)", "`id`", "a b", "", "'\"", "-x", "ü\n"];
          expect((await run(["printf", "<%s>", ...words])).out).toBe(words.map((word) => `<${word}>`).join(""));
        });
      });

      describe("does not see", () => {
        test("the daemon's token, its database, the workspaces of other runs, what other programs printed", async () => {
          const { attempts, at } = world(sandbox, user);
          const files = ["api-token", "lastlight.db", "workspaces/run-2/notes", "spool/other/stdout"].map((name) =>
            at(name),
          );
          expect(files.filter((file) => !existsSync(file))).toEqual([]);
          const got = await attempts([...files.map((file) => ["read", file]), ["list", at()], ["list", at("spool")]]);
          expect(got).toEqual(got.map(() => ({ refused: "ENOENT" })));
        });

        test("STATE_DIR within a folder that it may read, but for what of it was handed over", async () => {
          const { attempts, put, state, at } = world(sandbox, user);
          const handed = put("handed over", "project", "state", "spool", "mine", "inputs");
          const [free, token] = [put("free", "project", "free"), put("canary", "project", "state", "api-token")];
          const around = { reads: [handed, at("project")], hidden: [state, at("project", "state")] };
          const tried = [free, handed, token].map((file) => ["read", file]);
          expect(await attempts([...tried, ["list", at("project", "state")]], around)).toEqual([
            { got: "free" },
            { got: "handed over" },
            { refused: "ENOENT" },
            { got: ["spool"] },
          ]);
        });

        test("the machine's passwords, homes, keys and services", async () => {
          const { attempts } = world(sandbox, user);
          const folders = ["/root", "/etc/ssh", "/etc/ssl/private", "/var/lib", "/boot", "/srv", "/mnt"];
          // An engine shows its containers what devices there are.
          if (!contained) folders.push("/sys/class");
          const files = ["/etc/shadow", "/proc/1/root/etc/shadow", "/proc/kcore", "/proc/self/root/etc/shadow"];
          const list = [...folders.map((path) => ["list", path]), ...files.map((path) => ["read", path])];
          const got = await attempts(list);
          expect(
            got.filter(({ got }) => got !== undefined && got !== "" && !(Array.isArray(got) && got.length === 0)),
          ).toEqual([]);
        });

        test("a secret of the daemon's environment: in no process, no command line, no file", async () => {
          process.env.CANARY_OF_THE_DAEMON = "canary-7f3a";
          onTestFinished(() => void delete process.env.CANARY_OF_THE_DAEMON);
          const { attempts } = world(sandbox, user);
          const [environments, commands, files] = await attempts([
            ["environments"],
            ["commands"],
            ["holding", "canary"],
          ]);
          expect(environments?.got).toContain("LASTLIGHT_EXECUTION=");
          expect(commands?.got).toContain("hostile.ts");
          expect(`${environments?.got}${commands?.got}`).not.toContain("canary-7f3a");
          expect(files?.got).toEqual([]);
        });

        test("a variable that it was not given, in its own process or in any other", async () => {
          const { attempts } = world(sandbox, user);
          const given = { PATH: "/usr/bin:/bin", LASTLIGHT_EXECUTION: "e", DECLARED: "secret=1\nand more", EMPTY: "" };
          const got = (await attempts([["environments"]], { environment: given }))[0]?.got;
          const seen = new Set(
            String(got)
              .split(/[\0\n](?=[A-Z])/)
              .map((line) => line.split("=")[0]?.trim()),
          );
          const furnished = ["HOME", "USER", "LOGNAME", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"];
          // A container's engine names its own doing.
          const engine = contained ? ["container", "HOSTNAME", "TERM"] : [];
          expect(
            [...seen].filter((name) => name && ![...Object.keys(given), ...furnished, ...engine].includes(name)),
          ).toEqual([]);
          expect(got).toContain("DECLARED=secret=1\nand more");
        });

        test("the machine's other processes", async () => {
          const { attempts } = world(sandbox, user);
          const got = (await attempts([["list", "/proc"]]))[0]?.got;
          expect((got as string[]).filter((name) => /^\d+$/.test(name)).length).toBeLessThanOrEqual(4);
        });

        test("a descriptor that was open when the daemon was started", async () => {
          const { attempts, state } = world(sandbox, user);
          // As a shell leaves them open: without the mark that closes them in a child, and above those that Node marks itself.
          const through = ["bash", "-c", 'exec 200< "$0"; exec "$@"', state] as const;
          const [opened] = await attempts([["descriptors"]], {}, through);
          const folders = ((opened?.got ?? []) as (string | null)[]).filter((link) => link?.includes(state));
          expect(folders.filter((link) => !/\/(stdout|stderr)$/.test(link ?? ""))).toEqual([]);
        });
      });

      describe("does not change", () => {
        test("anything but its workspace and what lies in memory", async () => {
          const { attempts } = world(sandbox, user);
          const got = (await attempts([["writable"]]))[0]?.got;
          expect((got as string[]).sort()).toEqual([...(contained ? ["/dev"] : []), "/dev/shm", "/home/agent", "/tmp"]);
        });

        test("a setting of the kernel's", async () => {
          const { attempts } = world(sandbox, user);
          // Its own value, in case it is let.
          const value = readFileSync("/proc/sys/kernel/core_uses_pid", "utf8");
          expect(await attempts([["changeable"], ["write", "/proc/sys/kernel/core_uses_pid", value]])).toEqual([
            { got: [] },
            { refused: "EROFS" },
          ]);
        });

        test("what it may do: no capability, no new privilege", async () => {
          const { attempts, shell } = world(sandbox, user);
          const got = (await attempts([["status"]]))[0]?.got;
          expect(got).toMatch(/^CapEff:\t0{16}$/m);
          expect(got).toMatch(/^CapBnd:\t0{16}$/m);
          expect(got).toMatch(/^NoNewPrivs:\t1$/m);
          expect(got).toMatch(/^Seccomp:\t2$/m);
          const tried = [
            ...(contained ? [] : ["unshare -U true"]),
            "unshare -m true",
            "mount -t tmpfs x /tmp",
            "chroot / true",
            "su -c true",
          ];
          const done = await shell(
            tried.map((each) => `${each} </dev/null >/dev/null 2>&1 && echo "${each}"`).join("; "),
          );
          expect(done.out).toBe("");
        });

        test("what runs outside, by the names that steer programs", async () => {
          const { run, workspace } = world(sandbox, user);
          const outside = temporaryFolder();
          const mark = (who: string) => `require("node:fs").writeFileSync(${JSON.stringify(join(outside, who))}, "")`;
          writeFileSync(join(workspace, "evil.cjs"), mark("node"));
          for (const name of ["bwrap", "sh", "du", "podman", "docker"])
            writeFileSync(join(workspace, name), `#!/bin/sh\ntouch "${outside}/${name}"\nexec false\n`, {
              mode: 0o755,
            });
          writeFileSync(join(workspace, "rc"), `touch "${outside}/rc"\n`);
          const environment = {
            PATH: `${workspace}:/usr/bin:/bin`,
            LASTLIGHT_EXECUTION: "e",
            NODE_OPTIONS: `--require=${workspace}/evil.cjs`,
            LD_PRELOAD: `${workspace}/evil.so`,
            BASH_ENV: `${workspace}/rc`,
            ENV: `${workspace}/rc`,
            LASTLIGHT_INSIDE_LD_PRELOAD: "x",
            CONTAINERS_CONF: `${workspace}/rc`,
          };
          expect(await run(["/bin/echo", "fine"], { environment })).toMatchObject({ code: 0, out: "fine\n" });
          for (const who of ["node", "bwrap", "sh", "du", "podman", "docker", "rc"])
            expect([who, existsSync(join(outside, who))]).toEqual([who, false]);
        });
      });

      describe("does not get out", () => {
        test("by TCP or UDP: to a port of the machine, to another network, to a cloud's metadata", async () => {
          const reached: string[] = [];
          const port = await listening(
            createServer(() => void reached.push("tcp")),
            0,
            "127.0.0.1",
          );
          const { attempts } = world(sandbox, user);
          const near = ["127.0.0.1", "::1"].map((host) => ["tcp", host, String(port)]);
          for (const { got } of await attempts(near)) expect(got).toBeUndefined();
          const far = ["169.254.169.254", "93.184.216.34", "10.0.0.1"].flatMap((host) => [
            ["tcp", host, "80"],
            ["udp", host, "53"],
          ]);
          expect(await attempts(far)).toEqual(far.map(() => ({ refused: "ENETUNREACH" })));
          expect(reached).toEqual([]);
        });

        test("by UDP to a port of the machine", async () => {
          const heard: string[] = [];
          const socket = createSocket("udp4", (message) => void heard.push(String(message)));
          onTestFinished(() => void socket.close());
          await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
          const { attempts } = world(sandbox, user);
          await attempts([["udp", "127.0.0.1", String(socket.address().port)]]);
          // Its own datagram comes after all that came before.
          await new Promise<void>((resolve) => {
            socket.once("message", () => resolve());
            const ours = createSocket("udp4");
            ours.send("ours", socket.address().port, "127.0.0.1", () => ours.close());
          });
          expect(heard).toEqual(["ours"]);
        });

        test("by a unix socket of the machine, with a path or without", async () => {
          const folder = temporaryFolder();
          const name = `lastlight-${process.pid}`;
          await listening(createServer(), join(folder, "s"));
          await listening(createServer(), `\0${name}`);
          const { attempts } = world(sandbox, user);
          const named = [join(folder, "s"), "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"];
          expect(await attempts([...named.map((path) => ["unix", path]), ["abstract", name]])).toEqual([
            ...named.map(() => ({ refused: "ENOENT" })),
            { refused: "ECONNREFUSED" },
          ]);
        });
      });

      describe("reaches what was opened", () => {
        test("with curl and with Node's fetch, and nothing else", async () => {
          const port = await listening(
            createHttpServer((_incoming, outgoing) => outgoing.end("hello\n")),
            0,
            "127.0.0.1",
          );
          const other = await listening(
            createServer((socket) => socket.destroy()),
            0,
            "127.0.0.1",
          );
          const { attempts, shell, at } = world(sandbox, user);
          const hosts = [`127.0.0.1:${port}`];
          const urls = [port, other].map((each) => `http://127.0.0.1:${each}/`);
          const tried = [
            ...urls.map((url) => ["fetch", url]),
            ["tcp", "127.0.0.1", String(port)],
            ["tcp", "93.184.216.34", "80"],
          ];
          const [opened, shut, around, away] = await attempts(tried, { hosts, execution: "told" });
          expect(opened).toEqual({ got: 200 });
          expect(shut?.got).not.toBe(200);
          expect(around?.got).toBeUndefined();
          expect(away).toEqual({ refused: "ENETUNREACH" });
          expect(readFileSync(at("spool", "told", "egress.log"), "utf8")).toContain(`127.0.0.1:${other} is not among`);
          if (!existsSync("/usr/bin/curl") || contained) return;
          const curl = (url: string) => `curl -sS -o /dev/null -w '%{http_code} %{http_connect}\\n' ${url} 2>/dev/null`;
          const asked = [
            `http://127.0.0.1:${port}/`,
            `-p http://127.0.0.1:${port}/`,
            "https://example.com/",
            "http://169.254.169.254/",
          ];
          const done = await shell(asked.map(curl).join("; "), { hosts });
          expect(done.out.trim().split("\n")).toEqual(["200 000", "200 200", "000 403", "403 000"]);
        });

        test("while a program that needs no way out finds none, not even the proxy", async () => {
          const { shell, at } = world(sandbox, user);
          expect((await shell("env | grep -i proxy; ls /run/lastlight/egress.sock")).out.trim()).toBe("");
          expect(existsSync(at("egress.sock"))).toBe(false);
        });
      });

      test("a list of hosts that cannot be is refused before anything starts", () => {
        const { confine } = world(sandbox, user);
        expect(() => sandbox.wrap(confine(["true"], { hosts: ["*.com"] }))).toThrow(
          expect.objectContaining({ code: "config.invalid" }),
        );
      });
    },
  );
}
