import type { Database } from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import type { Workflow, WorkflowVersion } from "../../domain/workflow.ts";

const KEPT = 256;

/** Workflow versions by hash. What is kept in memory is immutable and committed, so it can be neither stale nor false. */
export function versions(db: Database) {
  const save = db.prepare<{ hash: string; name: string; yaml: string; definition: string; now: Iso }>(`
    INSERT INTO workflow_versions (hash, name, yaml, definition, created_at)
    VALUES (@hash, @name, @yaml, @definition, @now)
        ON CONFLICT (hash) DO NOTHING`);
  const load = db.prepare<{ hash: string }, { name: string; yaml: string; definition: string }>(
    "SELECT name, yaml, definition FROM workflow_versions WHERE hash = @hash",
  );
  const kept = new Map<string, WorkflowVersion>();

  function keep(version: WorkflowVersion): WorkflowVersion {
    kept.set(version.hash, version);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
    return version;
  }

  return {
    /** Whether the row is known to be on disk. */
    known: (hash: string): boolean => kept.has(hash),
    save: (version: WorkflowVersion, now: Iso): void => {
      save.run({
        hash: version.hash,
        name: version.name,
        yaml: version.yaml,
        definition: JSON.stringify(version.workflow),
        now,
      });
    },
    keep,
    get: (hash: string): WorkflowVersion | null => {
      const known = kept.get(hash);
      if (known) return known;
      const row = load.get({ hash });
      if (!row) return null;
      return keep({ hash, name: row.name, yaml: row.yaml, workflow: JSON.parse(row.definition) as Workflow });
    },
  };
}
export type Versions = ReturnType<typeof versions>;
