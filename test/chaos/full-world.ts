import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LARGE } from "./full-audit.ts";
import { type SmallDisk, smallDisk } from "./small-disk.ts";
import { createWorld, type World } from "./world.ts";

export interface FullWorld extends World {
  readonly disk: SmallDisk;
}

/** A world whose STATE_DIR is a disk of six megabytes, or ten where the log of the database takes four; programs leave their effects elsewhere. */
export function createFullWorld(before: number): FullWorld {
  const world = createWorld(1);
  const disk = smallDisk(world.stateDir, before > 0 ? "10m" : "6m");
  writeFileSync(join(world.folder, "workflows", "full.yaml"), JSON.stringify(workflow(world.effects)));
  return {
    ...world,
    disk,
    close: async (keep) => {
      disk.free();
      await world.close(true);
      if (keep) disk.keep(join(world.folder, "kept"));
      disk.close();
      await world.close(keep);
    },
  };
}

/** A program whose words find no room fails: it must not say that all went well. */
function workflow(effects: string): object {
  const bash = (name: string, ...lines: string[]): object => ({
    name,
    type: "bash",
    command: [
      "set -e",
      `note() { printf '%s\\n' "$1 $LASTLIGHT_RUN $LASTLIGHT_PHASE $LASTLIGHT_EXECUTION $LASTLIGHT_ATTEMPT" >> '${effects}'; }`,
      "note start",
      ...lines,
      "note end",
    ].join("\n"),
  });
  return {
    name: "full",
    phases: [
      bash("first", "echo first"),
      // More than a row holds: the next phase gets a copy of the spool.
      bash("large", `seq -f 'large %.0f' ${LARGE.lines}`),
      { name: "door", type: "approval", approval: { summary: "Go on?" } },
      bash(
        "after",
        'read -r first < "$LASTLIGHT_OUTPUTS/first"',
        '[ "$first" = first ]',
        `[ "$(cksum < "$LASTLIGHT_OUTPUTS/large")" = "$(seq -f 'large %.0f' ${LARGE.lines} | cksum)" ]`,
        "echo after",
      ),
    ],
  };
}
