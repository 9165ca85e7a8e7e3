import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TOOLS = (
  "sh bash env cat rm ls wc id seq head tail grep echo printf touch sleep setsid readlink mkdir true false " +
  "unshare mount chroot su kill cp mv sort tr"
).split(" ");
export const IMAGE = "localhost/lastlight-test:1";

export interface Engine {
  readonly environment: { readonly [name: string]: string };
  /** Why there is no engine that works here; null where there is. */
  readonly refusal: string | null;
  close(): void;
}

/**
 * podman with a store of its own and a tiny image, made of this machine's own files: nothing is fetched. The settings
 * are those of a machine without systemd, whose hard limits cannot be raised.
 */
export function podman(): Engine {
  const folder = mkdtempSync(join(tmpdir(), "lastlight-podman-"));
  const path = process.env.PATH ?? "";
  const close = (): void => {
    // What a container's storage has mounted goes with it.
    spawnSync("podman", ["rm", "--all", "--force"], { env: environment });
    spawnSync("podman", ["rmi", "--all", "--force"], { env: environment });
    spawnSync("umount", [join(folder, "store", "overlay")]);
    rmSync(folder, { recursive: true, force: true });
  };
  writeFileSync(
    join(folder, "containers.conf"),
    [
      "[containers]",
      'default_ulimits = ["nofile=1024:1024","nproc=4096:4096"]',
      "[engine]",
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      "",
    ].join("\n"),
  );
  const store = `driver = "overlay"\ngraphroot = "${folder}/store"\nrunroot = "${folder}/run"\n`;
  writeFileSync(join(folder, "storage.conf"), `[storage]\n${store}`);
  const environment = {
    PATH: path,
    HOME: folder,
    CONTAINERS_CONF: join(folder, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
  };
  try {
    execFileSync("podman", ["--version"], { env: environment, stdio: "pipe" });
    const root = join(folder, "root");
    for (const each of ["etc", "tmp", "proc", "dev", "sys", "run", "home", "usr/bin", "var/tmp"])
      mkdirSync(join(root, each), { recursive: true });
    for (const file of filesOf(TOOLS)) {
      mkdirSync(join(root, file, ".."), { recursive: true });
      execFileSync("cp", ["-L", file, join(root, file)]);
    }
    const tar = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 2 ** 30 });
    execFileSync("podman", ["import", "-q", "-", IMAGE], {
      env: environment,
      input: tar,
      stdio: ["pipe", "pipe", "pipe"],
    });
    execFileSync("podman", ["run", "--rm", "--network", "none", IMAGE, "/bin/sh", "-c", "exit 0"], {
      env: environment,
      stdio: "pipe",
    });
    return { environment, refusal: null, close };
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    const why =
      code === "ENOENT"
        ? "there is no podman"
        : `podman does not work here: ${String(stderr).trim().split("\n").at(-1)}`;
    return { environment, refusal: why, close };
  }
}

/** Programs with the libraries they are linked with, and those of Node, which is handed in. */
function filesOf(tools: readonly string[]): Set<string> {
  const programs = tools.flatMap((name) =>
    ["/bin", "/usr/bin"].map((folder) => join(folder, name)).filter((file) => existsSync(file)),
  );
  const linked = [...programs, process.execPath].flatMap((file) => {
    const { stdout } = spawnSync("ldd", [file], { encoding: "utf8" });
    return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library as string);
  });
  return new Set([...programs, ...linked]);
}
