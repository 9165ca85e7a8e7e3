import { Fault } from "../domain/fault.ts";
import type { PhaseType } from "../domain/workflow.ts";
import type { PhaseKind } from "./contracts/phase.ts";

/** The phase types this daemon carries out. */
export interface Registry {
  kind(type: PhaseType): PhaseKind;
  /** Whether tries of this type are programs that may live on when the daemon does not. */
  outlives(type: PhaseType): boolean;
}

export function registry(kinds: readonly PhaseKind[]): Registry {
  const byType = new Map(kinds.map((kind) => [kind.type, kind]));
  return {
    kind: (type) => {
      const kind = byType.get(type);
      if (!kind) throw new Fault("phase.unsupported", `Phases of type "${type}" are not carried out yet`);
      return kind;
    },
    outlives: (type) => byType.get(type)?.outlives === true,
  };
}
