import { probeDisk } from "./probe.ts";
import type { Measured, Options } from "./row.ts";
import { rows } from "./rows.ts";
import { endTogether } from "./subprocess.ts";

/** One row to measure. This file is a program: the row's process. */
export interface Request extends Options {
  readonly row: number;
}

if (import.meta.main) {
  endTogether();
  const request = JSON.parse(process.argv[2] as string) as Request;
  const row = rows.find((each) => each.row === request.row);
  if (!row) throw new Error(`there is no row ${request.row}`);
  const before = probeDisk(request.folder);
  const lines = await row.measure(request);
  const measured: Measured = { lines, probes: [before, probeDisk(request.folder)] };
  process.stdout.write(JSON.stringify(measured));
}
