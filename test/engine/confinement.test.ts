import { describe, expect, test } from "vitest";
import type { AgentPhase, BashPhase, Workflow } from "../../src/domain/workflow.ts";
import { chosenSandbox } from "../../src/engine/confinement.ts";
import type { Log } from "../../src/engine/contracts/log.ts";
import type { Availability, Sandbox, Sandboxes } from "../../src/engine/contracts/sandbox.ts";
import { isConfined, isSandbox, type Settings } from "../../src/engine/settings.ts";
import { none } from "../../src/runtimes/sandbox/none.ts";
import { silent } from "../support/engine.ts";

describe("the sandbox of a daemon", () => {
  const MISSING = { missing: "it is not here", remedy: "Install it" };
  const all = (works: boolean): Sandboxes => {
    const available = (): Promise<Availability> => Promise.resolve(works ? { found: "1.0" } : MISSING);
    const other: Sandbox = { ...none(), available };
    return { none: none(), bubblewrap: other, podman: other, docker: other };
  };
  const heard = (): { log: Log; errors: object[] } => {
    const errors: object[] = [];
    return { errors, log: { ...silent, error: (fields) => void errors.push(fields) } };
  };

  test.for(["auto", "bubblewrap"] as const)("is bubblewrap for %s where it works", async (wanted) => {
    expect(await chosenSandbox(wanted, all(true), silent)).toBe("bubblewrap");
  });

  test("is none where nothing works and nothing was named, and nobody is alarmed", async () => {
    const { log, errors } = heard();
    expect([await chosenSandbox("auto", all(false), log), errors]).toEqual(["none", []]);
  });

  test("that was named and does not work is said aloud with what to do about it", async () => {
    const { log, errors } = heard();
    expect(await chosenSandbox("podman", all(false), log)).toBe("none");
    expect(errors).toEqual([{ sandbox: "podman", ...MISSING }]);
  });
});

describe("what is confined", () => {
  const settings = { sandbox: "bubblewrap", agent: "claude" } as Settings;
  const command = { type: "bash", name: "after" } as BashPhase;
  const agent = { type: "agent", name: "think" } as AgentPhase;
  const of = (...phases: Workflow["phases"]): Workflow => ({ phases }) as Workflow;

  test("a command is, wherever an agent is at work in the run", () => {
    expect(isConfined(of(command, agent), command, settings)).toBe(true);
    expect(isConfined(of(command), command, settings)).toBe(false);
  });

  test("an agent that only says its lines is no reason for it", () => {
    expect(isConfined(of(command, { ...agent, agent: "scripted" }), command, settings)).toBe(false);
    expect(isConfined(of(command, agent), command, { ...settings, agent: "scripted" })).toBe(false);
  });

  test.for([{ egress: [] }, { sandboxImage: "agents" }, { requiresSandbox: "bubblewrap" }])(
    "a command is that asks for it by %o",
    (asks) => {
      const asking = { ...command, ...asks };
      expect(isConfined(of(asking), asking, settings)).toBe(true);
    },
  );

  test("nothing is where there is no sandbox", () => {
    expect(isConfined(of(command, agent), agent, { ...settings, sandbox: "none" })).toBe(false);
  });

  test("a container is one by whichever engine, and bubblewrap is none", () => {
    const fits = (wanted: string) =>
      ["podman", "docker", "bubblewrap"].map((sandbox) => isSandbox(wanted, { sandbox }));
    expect(fits("container")).toEqual([true, true, false]);
    expect(fits("docker")).toEqual([false, true, false]);
  });
});
