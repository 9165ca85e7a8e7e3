import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Client } from "../../../src/http/client.ts";
import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { endPrograms, startDaemon } from "../../support/daemon.ts";
import { calls, text } from "../../support/llm/script.ts";
import { llm } from "../../support/llm/server.ts";
import { temporaryFolder } from "../../support/world.ts";
import { settle } from "../pi-world.ts";
import { CACHE } from "./world.ts";

const availability = await bubblewrap({ path: process.env.PATH ?? "", cache: CACHE }).available();
const why = "missing" in availability ? availability.missing : null;

/** A run's state, once `ready` holds for it. */
async function until(client: Client, run: string, ready: (run: Awaited<ReturnType<Client["run"]>>) => boolean) {
  for await (const _ of client.watchRun(run, AbortSignal.timeout(60_000))) {
    const found = await client.run(run);
    if (ready(found)) return found;
  }
  return client.run(run);
}

test.skipIf(why !== null)(
  `pi in bubblewrap goes on with the conversation that its home keeps, a daemon later too${why === null ? "" : `: not run: ${why}`}`,
  async () => {
    const wall = "cat /proc/1/comm; hostname";
    const model = await llm([calls(["bash", { command: wall }]), text("Clouds"), text("READY")]);
    onTestFinished(() => model.close());
    const folder = temporaryFolder();
    const [stateDir, workflows, papers] = [join(folder, "state"), join(folder, "workflows"), join(folder, "pi")];
    for (const each of [stateDir, join(workflows, "prompts"), papers]) mkdirSync(each, { recursive: true });
    settle(papers, model.url, "anthropic-messages");
    const copies = ["models.json", "settings.json"].map(
      (name) => `cat > .pi/${name} <<'END'\n${readFileSync(join(papers, name), "utf8")}\nEND\n`,
    );
    const think = {
      name: "think",
      agent: "pi",
      session: "continue",
      prompt: "prompts/think.md",
      model: "stub/model",
      env: {
        PI_CODING_AGENT_DIR: "/home/agent/workspace/.pi",
        PI_CODING_AGENT_SESSION_DIR: "/home/agent/conversations",
      },
      egress: [new URL(model.url).host],
      generic_loop: { max_iterations: 2, until: "output.contains('READY')", interactive: true, gate_kind: "reply" },
    };
    const settles = { name: "settles", type: "bash", command: `mkdir -p .pi\n${copies.join("")}` };
    writeFileSync(join(workflows, "talk.yaml"), JSON.stringify({ name: "talk", phases: [settles, think] }));
    writeFileSync(join(workflows, "prompts", "think.md"), "Think, round {{iteration}}");
    const begin = () => {
      const daemon = startDaemon({ stateDir, workflows, environment: { LASTLIGHT_SANDBOX: "bubblewrap" } });
      onTestFinished(() => {
        daemon.kill("SIGKILL");
        endPrograms(stateDir);
      });
      return daemon;
    };

    const first = begin();
    const before = await first.ready;
    const { id } = await before.startRun({ workflow: "talk" });
    const asked = await until(before, id, ({ status, approvals }) => approvals.length > 0 || status === "failed");
    expect(asked.executions.map(({ error }) => error)).toEqual([null, null]);
    first.kill("SIGTERM");
    await first.ended;
    const after = await begin().ready;
    await after.respond(asked.approvals[0]?.id ?? "", { decision: "reply", comment: "go on" });
    const run = await until(after, id, ({ finished_at: end }) => end !== null);

    expect(run.executions.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "settles ok",
      "think_iter_1 ok",
      "think_iter_2 ok",
    ]);
    expect(model.heard.map(({ prompts }) => prompts)).toEqual([
      ["Think, round 1"],
      ["Think, round 1"],
      ["Think, round 1", "Think, round 2"],
    ]);
    // It was in there: the first process that it can see is none of the machine's.
    expect(model.heard[1]?.results[0]?.text).not.toContain(readFileSync("/proc/1/comm", "utf8").trim());
    const [, one, two] = run.executions;
    expect(two?.runtime_session_id).toBe(one?.runtime_session_id);
  },
);
