import type { Json } from "../../domain/json.ts";
import type { RunDetail } from "../lines.ts";
import type { Approvals } from "./approvals.ts";
import type { Executions } from "./executions.ts";
import type { Findings } from "./findings.ts";
import { toLine } from "./lists.ts";
import type { Outputs } from "./outputs.ts";
import type { DetailRow } from "./runs.ts";

/** A run as its whole row has it, with what hangs on it. */
export function detailOf(
  row: DetailRow,
  rooms: {
    executions: Executions;
    outputs: Outputs;
    approvals: Approvals;
    findings: Findings;
  },
): RunDetail {
  return {
    ...toLine(row),
    context: parsed(row.context),
    inputs: parsed(row.inputs),
    scratch: parsed(row.scratch),
    node_statuses: (parsed(row.node_statuses) ?? {}) as RunDetail["node_statuses"],
    phase_history: (parsed(row.phase_history) ?? []) as unknown as RunDetail["phase_history"],
    idempotency_key: row.idempotency_key,
    concurrency_key: row.concurrency_key,
    ending: parsed(row.ending) as RunDetail["ending"],
    executions: rooms.executions.ofRun(row.id),
    approvals: rooms.approvals.ofRun(row.id),
    decisions: rooms.findings.ofRun(row.id),
    signals: rooms.findings.signals(row.id),
    artefacts: rooms.outputs.artefacts(row.id),
  };
}

/** A column of JSON text. Another program's row may hold anything: what does not parse is shown as the text it is. */
export function parsed(text: string | null): Json {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
