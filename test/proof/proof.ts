import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { ccusage } from "./ccusage.ts";
import type { Line, Row } from "./row.ts";
import { runtimes } from "./runtimes.ts";
import { stage } from "./stage.ts";

const rows: readonly Row[] = [runtimes, ccusage];
const USAGE = `npm run proof -- [--json] [--only ROW[,ROW]]...

Shows what needs the programs of others, which are fetched from npm into a temporary folder and removed:
${rows.map(({ row, title }) => `  ${row.padEnd(10)} ${title}`).join("\n")}
Exit 1 means that something shown was not as promised. What could not be run says why, and fails nothing.
`;

type Printed = Line & { readonly row: string };

async function proof(): Promise<number> {
  const asked = read();
  if (!asked) return 64;
  const folder = mkdtempSync(join(tmpdir(), "lastlight-proof-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const scene = stage(folder, say);
  const printed: Printed[] = [];
  for (const each of asked.rows) {
    const lines = (await each.show(scene)).map((line) => ({ row: each.row, ...line }));
    printed.push(...lines);
    if (!asked.json) process.stdout.write(tableOf(each, lines));
  }
  if (asked.json)
    process.stdout.write(`${JSON.stringify({ date: new Date().toISOString(), rows: printed }, null, 2)}\n`);
  return printed.some(({ met }) => met === false) ? 1 : 0;
}

function read(): { json: boolean; rows: readonly Row[] } | null {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) throw new Error("");
    const only = values.only.flatMap((each) => each.split(","));
    for (const name of only)
      if (!rows.some(({ row }) => row === name)) throw new Error(`There is no row "${name}" here.`);
    return { json: values.json, rows: rows.filter(({ row }) => only.length === 0 || only.includes(row)) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

function tableOf({ columns }: Row, lines: readonly Printed[]): string {
  const table = new Table({
    head: ["what", "met", ...columns, "remarks"],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [null, null, ...columns.map(() => null), 50],
  });
  for (const line of lines) {
    const met = line.met === null ? "not run" : line.met ? "yes" : "no";
    const remarks = line.not_run ?? (line.broken ?? []).join("; ");
    table.push([line.name, met, ...columns.map((each) => shown(line[each])), remarks]);
  }
  return `${table.toString()}\n`;
}

function shown(value: unknown): string {
  return typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 4 }) : String(value ?? "–");
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.once("SIGTERM", () => process.exit(143));
process.once("SIGINT", () => process.exit(130));
process.exitCode = await proof();
