import type { Row } from "./row.ts";
import { fsyncs } from "./rows/fsyncs.ts";
import { growth } from "./rows/growth.ts";
import { latency } from "./rows/latency.ts";
import { lists } from "./rows/lists.ts";
import { recovery } from "./rows/recovery.ts";
import { start } from "./rows/start.ts";
import { throughput } from "./rows/throughput.ts";

/** What is measured, by the numbers of the table of targets. */
export const rows: readonly Row[] = [throughput, fsyncs, latency, lists, recovery, start, growth];
