import type { Row } from "./row.ts";
import { flood } from "./rows/flood.ts";
import { fsyncs } from "./rows/fsyncs.ts";
import { growth } from "./rows/growth.ts";
import { latency } from "./rows/latency.ts";
import { lists } from "./rows/lists.ts";
import { overhead } from "./rows/overhead.ts";
import { paused } from "./rows/paused.ts";
import { recovery } from "./rows/recovery.ts";
import { restart } from "./rows/restart.ts";
import { simulation } from "./rows/simulation.ts";
import { start } from "./rows/start.ts";
import { throughput } from "./rows/throughput.ts";
import { webhooks } from "./rows/webhooks.ts";

/** What is measured, by the numbers of the table of targets. */
export const rows: readonly Row[] = [
  throughput,
  fsyncs,
  latency,
  overhead,
  lists,
  webhooks,
  flood,
  paused,
  recovery,
  start,
  restart,
  growth,
  simulation,
];
