import type { Database } from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import type { WorkflowOverride } from "../store.ts";

/** The kill switch over the YAML (seed: absence of a row is enabled), and the settings of the process. */
export function overrides(db: Database) {
  const set = db.prepare(`
    INSERT INTO workflow_overrides (name, enabled, updated_at, updated_by)
    VALUES (@name, @enabled, @now, @by)
        ON CONFLICT (name) DO UPDATE SET enabled = @enabled, updated_at = @now, updated_by = @by`);
  const revert = db.prepare("DELETE FROM workflow_overrides WHERE name = @name");
  const all = db.prepare<[], Omit<WorkflowOverride, "enabled"> & { enabled: number }>(
    "SELECT name, enabled, updated_at, updated_by FROM workflow_overrides ORDER BY name",
  );
  const put = db.prepare(`
    INSERT INTO settings (key, value) VALUES (@key, @value)
        ON CONFLICT (key) DO UPDATE SET value = @value`);

  return {
    set: (name: string, enabled: boolean, by: string, now: Iso): void => {
      set.run({ name, enabled: enabled ? 1 : 0, by, now });
    },
    revert: (name: string): void => {
      revert.run({ name });
    },
    all: (): WorkflowOverride[] => all.all().map((row) => ({ ...row, enabled: row.enabled === 1 })),
    pulse: (now: Iso): void => {
      put.run({ key: "pulse", value: now });
    },
  };
}
