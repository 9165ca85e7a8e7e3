import { isOver } from "../../src/domain/run.ts";
import type { House } from "./house.ts";

/** Whether everything that was acknowledged is in the rows: asked after each crash, and in the end. */
export function keeps(house: House): void {
  const { ledger, db, rows } = house;
  const lost = (what: string): void => house.report("kept", what);
  for (const [key, run] of ledger.created) if (rows.recorded(run)?.key !== key) lost(`${key} was made as run ${run}`);
  for (const [approval, { decision, by }] of ledger.answered) {
    const row = rows.approval(approval);
    const should = decision === "reject" ? "rejected" : "approved";
    if (row?.status !== should || row.responded_by !== by)
      lost(`an answer (${decision} by ${by}) was taken, and the gate is ${row?.status} by ${row?.responded_by}`);
  }
  for (const [run, epoch] of ledger.cancelled) {
    const now = rows.recorded(run)?.run;
    if (
      now &&
      now.epoch === epoch &&
      now.status !== "cancelled" &&
      now.ending?.status !== "cancelled" &&
      now.ending === null
    )
      lost(`${rows.labelOf(run)} was cancelled and is ${now.status}`);
  }
  for (const run of ledger.paused) {
    const now = rows.recorded(run)?.run;
    // A cancel outranks a pause, also when a newcomer of its group brings it.
    if (now && !isOver(now.status) && now.ending?.status !== "cancelled" && now.hold !== "operator")
      lost(`${rows.labelOf(run)} was paused and is not held`);
  }
  for (const [run, epoch] of ledger.retried)
    if ((rows.recorded(run)?.run.epoch ?? -1) < epoch) lost(`${rows.labelOf(run)} was retried in epoch ${epoch}`);
  const signals = new Set(db.prepare("SELECT run_id || '/' || id FROM signals").pluck().all());
  for (const signal of ledger.signals) if (!signals.has(signal)) lost(`the signal ${signal} was taken`);
  for (const effect of ledger.settled) {
    const state = rows.effect(effect)?.state;
    if (state !== undefined && state !== "done") lost(`${effect} was settled and is ${state}`);
  }
  const given = new Set(db.prepare("SELECT execution_id FROM execution_io WHERE input IS NOT NULL").pluck().all());
  for (const execution of ledger.inputs) if (!given.has(execution)) lost(`what ${execution} is given was kept`);
}

/** What must hold besides when all is over. */
export function finalAudit(house: House): void {
  const { db, rows, machine } = house;
  keeps(house);
  for (const glance of rows.glances())
    if (!isOver(glance.status)) house.report("ending", `${rows.labelOf(glance.id)} is ${glance.sign}`);
  for (const id of machine.alive()) house.report("strays", `${tried(house, id)} still runs`);
  for (const { id } of rows.running()) house.report("strays", `${tried(house, id)} says that it runs`);
  const twins = db
    .prepare<[], { parent: string; place: string }>(
      `SELECT parent_run_id AS parent, parent_place AS place FROM workflow_runs
        WHERE parent_run_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1`,
    )
    .all();
  for (const { parent, place } of twins) house.report("same", `${rows.labelOf(parent)} has two children at ${place}`);
  const unequal = db
    .prepare<[], { run: string; phase: string; iteration: number }>(
      `SELECT e.workflow_run_id AS run, e.phase, e.iteration FROM executions AS e
         JOIN execution_io AS io ON io.execution_id = e.id
        WHERE io.input IS NOT NULL GROUP BY 1, 2, 3, e.epoch, e.name HAVING count(DISTINCT io.input) > 1`,
    )
    .all();
  for (const { run, phase, iteration } of unequal)
    house.report("input", `tries of ${phase}/${iteration} of ${rows.labelOf(run)} were given different things`);
  for (const row of rows.waiting())
    house.report("ending", `${row.kind} ${row.id} is still ${row.state}, due ${row.due}`);
  const whole = db.pragma("integrity_check", { simple: true });
  if (whole !== "ok") house.report("sound", String(whole));
  const foreign = db.pragma("foreign_key_check") as unknown[];
  if (foreign.length > 0) house.report("sound", JSON.stringify(foreign[0]));
}

function tried({ rows }: House, id: string): string {
  const row = rows.execution(id);
  return row ? `${row.name}#${row.attempt} of ${rows.labelOf(row.run)} (${row.status})` : id;
}
