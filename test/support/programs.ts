import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { vi } from "vitest";
import { temporaryFolder } from "./world.ts";

/** Whether a process of this id lives; a process that nobody has buried yet does not. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** A folder through which a test and a program give each other signs. */
export interface Folder {
  readonly path: string;
  /** Resolves once the program has made the file. */
  until(file: string): Promise<void>;
  touch(file: string): void;
  write(file: string, text: string): void;
  read(file: string): string;
}

export function folderOf(path: string): Folder {
  return {
    path,
    until: (file) =>
      vi.waitFor(
        () => {
          if (!existsSync(join(path, file))) throw new Error(`${file} was not made`);
        },
        { timeout: 20_000, interval: 10 },
      ),
    touch: (file) => writeFileSync(join(path, file), ""),
    write: (file, text) => {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
    },
    read: (file) => readFileSync(join(path, file), "utf8"),
  };
}
folderOf.temporary = (): Folder => folderOf(temporaryFolder());

/** The process id that a program wrote into a file, once it is there. */
export function pidIn(file: string): Promise<number> {
  return vi.waitFor(
    () => {
      const pid = Number(readFileSync(file, "utf8"));
      if (!(pid > 0)) throw new Error(`${file} holds no process id yet`);
      return pid;
    },
    { timeout: 20_000, interval: 10 },
  );
}
