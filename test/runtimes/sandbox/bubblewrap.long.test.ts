import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { keepsConfined } from "./confinement.ts";
import { CACHE, world } from "./world.ts";

const sandbox = bubblewrap({ path: process.env.PATH ?? "", cache: CACHE });
const availability = await sandbox.available();

keepsConfined(sandbox, "missing" in availability ? availability.missing : null);

test("where bwrap is not to be found, that is said, and what to do about it", async () => {
  const nowhere = bubblewrap({ path: "/nowhere", cache: CACHE });
  expect(await nowhere.available()).toMatchObject({
    missing: "bwrap is not on the PATH",
    remedy: expect.stringContaining("apt-get install bubblewrap"),
  });
  const { run } = world(nowhere);
  expect(await run(["true"])).toMatchObject({
    code: 126,
    verdict: { of: "unmade", told: expect.stringContaining("bwrap") },
  });
});

test.skipIf("missing" in availability)("a sandbox that cannot be made says so; the program never ran", async () => {
  const { shell, workspace } = world(sandbox);
  const done = await shell("touch ran", { reads: ["/nowhere/at/all"] });
  expect(done).toMatchObject({ code: 126, verdict: { of: "unmade" } });
  expect(await shell("ls")).toMatchObject({ out: "" });
  expect(workspace).toBeTruthy();
});

const python = existsSync("/usr/bin/python3");

test.skipIf("missing" in availability || !python)(
  `sockets that no network namespace holds are not to be had, nor the kernel's keys${python ? "" : ": not run: there is no python3"}`,
  async () => {
    const { run } = world(sandbox);
    const program = `
import ctypes, errno, socket
for family in (40, 38, 31, 30):
    try:
        socket.socket(family, socket.SOCK_STREAM)
        print("a socket of family", family)
    except OSError as error:
        print(errno.errorcode[error.errno])
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    socket.socket(family, socket.SOCK_STREAM).close()
libc = ctypes.CDLL(None, use_errno=True)
for call in (${process.arch === "arm64" ? "219, 280, 425, 97" : "250, 321, 425, 272"}):
    print(libc.syscall(call, 0, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])
`;
    const done = await run(["python3", "-c", program]);
    expect(done.out.trim().split("\n")).toEqual([...Array(4).fill("EAFNOSUPPORT"), ...Array(4).fill("-1 EPERM")]);
  },
);
