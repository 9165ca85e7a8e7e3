import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import type { Request } from "./measure.ts";
import type { Line, Measured, Options } from "./row.ts";
import { rows } from "./rows.ts";
import { endTogether, sampleOf } from "./subprocess.ts";

const USAGE = `npm run bench -- [--json] [--only ROW[,ROW]]... [--runs N] [--list-rows N] [--million] [--folder FOLDER]

Measures ${rows.map(({ row, title }) => `${row} (${title})`).join(", ")}.
A target that is missed is printed, not failed: exit 1 means that a row could not be measured.
  --runs N       runs per sample of row 1 (20000)
  --list-rows N  stored runs that lists are asked over (100000)
  --million      10⁶ stored runs for lists and growth; takes half an hour and 20 GB of disk
  --folder F     where databases are made (a folder of the system's temporary files): its disk is what is measured
`;
const ROW_PATIENCE_MS = 170_000;
const MILLION_PATIENCE_MS = 1_800_000;

type Printed = Line & { readonly row: number; readonly fdatasync_per_s: number };

async function bench(): Promise<number> {
  const asked = read();
  if (!asked) return 64;
  const folder = mkdtempSync(join(asked.folder, "lastlight-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const machine = machineAt(folder);
  const date = new Date().toISOString();
  if (machine.filesystem === "tmpfs")
    say("The folder is memory, not a disk: an fsync costs nothing there. See --folder.");

  const printed: Printed[] = [];
  let failed = 0;
  for (const { row, title } of rows) {
    if (asked.only.size > 0 && !asked.only.has(row)) continue;
    const start = performance.now();
    const own = join(folder, String(row));
    mkdirSync(own);
    try {
      const request: Request = { ...asked.options, row, folder: own };
      const timeoutMs = asked.options.million ? MILLION_PATIENCE_MS : ROW_PATIENCE_MS;
      printed.push(
        ...printedOf(row, await sampleOf<Measured>(new URL("./measure.ts", import.meta.url), request, { timeoutMs })),
      );
      say(`row ${row}, ${title}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
    } catch (error) {
      failed++;
      say(`row ${row}, ${title}, could not be measured: ${(error as Error).message}`);
    } finally {
      rmSync(own, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  process.stdout.write(
    asked.json ? `${JSON.stringify({ machine, date, rows: printed }, null, 2)}\n` : tableOf(printed),
  );
  return failed > 0 ? 1 : 0;
}

interface Asked {
  readonly json: boolean;
  readonly only: ReadonlySet<number>;
  readonly folder: string;
  readonly options: Omit<Options, "folder">;
}

function read(): Asked | null {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        runs: { type: "string", default: "20000" },
        "list-rows": { type: "string" },
        million: { type: "boolean", default: false },
        folder: { type: "string", default: tmpdir() },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) throw new Error("");
    const only = new Set(values.only.flatMap((each) => each.split(",")).map((each) => whole("--only", each)));
    for (const row of only) if (!rows.some((each) => each.row === row)) throw new Error(`There is no row ${row} here.`);
    return {
      json: values.json,
      only,
      folder: values.folder,
      options: {
        runs: whole("--runs", values.runs),
        listRows: whole("--list-rows", values["list-rows"] ?? (values.million ? "1000000" : "100000")),
        million: values.million,
      },
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

function whole(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${name} wants a whole number, not "${text}".`);
  return Number(text);
}

function printedOf(row: number, { lines, probes }: Measured): Printed[] {
  const mean = (of: "overwrite_per_s" | "append_per_s"): number => Math.round((probes[0][of] + probes[1][of]) / 2);
  return lines.map((line) => ({
    row,
    ...line,
    fdatasync_per_s: mean("overwrite_per_s"),
    fdatasync_append_per_s: mean("append_per_s"),
  }));
}

const FILESYSTEMS: Record<number, string> = { 61267: "ext", 16914836: "tmpfs", 2435016766: "btrfs", 1481003842: "xfs" };

function machineAt(folder: string) {
  const { type } = statfsSync(folder);
  return {
    node: process.versions.node,
    platform: platform(),
    arch: arch(),
    kernel: release(),
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memory_gb: Math.round(totalmem() / 1e9),
    filesystem: FILESYSTEMS[type] ?? `0x${type.toString(16)}`,
    /** Others' work at the start; anything near the number of CPUs spoils the figures. */
    load_average: loadavg()[0],
  };
}

function tableOf(printed: readonly Printed[]): string {
  const table = new Table({
    head: ["row", "what", "value", "unit", "target", "met", "fdatasync/s"],
    style: { head: [], border: [] },
    colAligns: ["right", "left", "right", "left", "left", "left", "right"],
  });
  for (const { row, name, value, unit, target, met, fdatasync_per_s, ratio } of printed) {
    const share = typeof ratio === "number" ? ` (× ${ratio})` : "";
    table.push([
      row,
      name,
      `${value.toLocaleString("en")}${share}`,
      unit,
      target,
      met === null ? "–" : met ? "yes" : "no",
      fdatasync_per_s,
    ]);
  }
  return `${table.toString()}\n`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

endTogether();
process.exitCode = await bench();
