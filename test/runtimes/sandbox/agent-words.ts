import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunBody } from "../../../src/http/api.ts";
import { calls, text } from "../../support/llm/script.ts";
import { type AgentWorld, agentWorld, type House, TOKEN } from "./agent-world.ts";
import { PROMISED, UNPROMISED } from "./encodings.ts";
import { piFiles, thinking } from "./pi-files.ts";

/** What an agent in a sandbox says, and where it comes to stand. */
export function keepsWords(house: House): void {
  const tell = house.refusal === null ? "" : `: not run: ${house.refusal}`;
  describe.skipIf(house.refusal !== null)(`a hostile agent's words from a sandbox of ${house.name}${tell}`, () => {
    test("tell its secret in no way that the net promises to catch: in no row, session, log, answer or copy", async () => {
      const world = await agentWorld(house);
      const run = await world.orders([["tell", "TOKEN"]]);
      expect(run.status).toBe("succeeded");
      await isKeptFromAll(world, run);
    });

    test("nor when it was a model that had pi tell them", async () => {
      const all = Object.values({ ...PROMISED, ...UNPROMISED }).map((encode) => encode(TOKEN));
      const command = `hostile-agent --tell TOKEN # ${TOKEN}`;
      const model = await thinking([calls(["bash", { command }]), text(all.join("\n\n"))]);
      const world = await agentWorld(house, { files: piFiles(model.url) });
      const run = await world.run("thinks");
      expect(run.status).toBe("succeeded");
      expect(model.heard[1]?.results[0]?.text).toContain(TOKEN);
      await isKeptFromAll(world, run);
    });

    test("stay words: markup and commands to a terminal are text to whoever reads them", async () => {
      const files = { "asks.yaml": ASKS };
      const world = await agentWorld(house, { files });
      const orders = JSON.stringify([
        ["use", EVIL, EVIL],
        ["complain", EVIL],
        ["say", EVIL],
      ]);
      const { id } = await world.client.startRun({ workflow: "asks", inputs: { orders } });
      for await (const { status } of world.client.watchRun(id)) if (status === "paused") break;
      const run = await world.client.run(id);
      expect(run.executions[0]?.output).toBe(EVIL);
      const [execution = ""] = run.executions.map((each) => each.id);
      for (const path of [`/runs/${id}`, `/sessions/${execution}`, "/approvals", "/runs"]) {
        const answer = await fetch(`${world.url}/api/v1${path}`, {
          headers: { authorization: `Bearer ${world.token}` },
        });
        expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
        expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
        const body = await answer.text();
        expect([...body].filter((each) => each < " " && each !== "\n")).toEqual([]);
        if (path !== "/runs") expect(body).toContain(JSON.stringify(EVIL).slice(1, -1));
      }
      for (const words of [["logs", id], ["logs", execution], ["show", id], ["runs"], ["approvals"]]) {
        const { stdout, stderr } = await world.say(...words);
        expect([words, controlsIn(stdout + stderr)]).toEqual([words, []]);
        if (["logs", "approvals"].includes(words[0] as string)) expect(stdout).toContain("<script>alert(1)</script>");
      }
      expect((await world.say("logs", id, "--raw")).stdout).toContain(EVIL);
    });
  });
}

/** Markup, a cleared screen, colours, a title, a link, a bell, C1's own introducer, letters turned around, an overwritten line. */
const EVIL =
  "<script>alert(1)</script><img src=x onerror=alert(2)>\u001b[2J\u001b[31mred\u001b]0;title\u0007" +
  "\u001b]8;;http://evil.example\u0007link\u009b1A\u202egnp.exe\rover\b\u0000";

const ASKS = `
name: asks
inputs: { orders: { type: string } }
phases:
  - { name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md }
  - { name: asks, type: approval, approval: { summary: "{{ phases.works.output }}" } }
`;

/** Characters that a terminal obeys. */
function controlsIn(said: string): string[] {
  return [...new Set(said.match(/(?!\n)[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu) ?? [])].map((each) =>
    JSON.stringify(each),
  );
}

type Read = (text: string) => string[];

async function isKeptFromAll(world: AgentWorld, run: RunBody): Promise<void> {
  const { client, stateDir, at } = world;
  const answers = [JSON.stringify(await client.run(run.id)), JSON.stringify(await client.executions(run.id))];
  for await (const news of client.watchRun(run.id)) answers.push(JSON.stringify(news));
  for (const { id } of run.executions) {
    for await (const news of client.watchSession(id)) answers.push(JSON.stringify(news));
    answers.push(...(await pagesOf(world, id)));
  }
  const said = [
    ["logs", run.id],
    ["logs", "--raw", run.id],
    ["logs", "--json", run.id],
    ["show", run.id],
    ["show", "--json", run.id],
  ];
  for (const words of said) answers.push(Object.values(await world.say(...words)).join("\n"));
  const live = filesIn(stateDir).map((path) => readFileSync(path, "latin1"));
  await world.stop();
  const kept = filesIn(stateDir).map((path) => readFileSync(path, "latin1"));
  const promised = tracesOf(PROMISED);
  for (const each of [...answers, ...live, ...kept, world.log()]) expect(promised(each)).toEqual([]);

  // That they were told, and are found by this very look where nobody takes them out.
  const spool = filesIn(at("spool"), [])
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
  expect(promised(spool)).toEqual(Object.keys(PROMISED));
  const unpromised = tracesOf(UNPROMISED);
  expect(unpromised(kept.join("\n"))).toEqual(Object.keys(UNPROMISED));
  console.log(`told all the same, since the net does not promise them: ${Object.keys(UNPROMISED).join("; ")}`);
}

/** The names of the ways of writing by which a text tells the secret; where characters share their bits with what stands around, but for the outer ones. */
function tracesOf(encodings: typeof PROMISED): Read {
  const traces = Object.entries(encodings).map(([name, encode]) => {
    const told = encode(TOKEN);
    const inner = /^base/.test(name) ? told.slice(4, -8) : told;
    const once = JSON.stringify(inner).slice(1, -1);
    return [name, [inner, once, JSON.stringify(once).slice(1, -1), inner.replaceAll("\n", " ")]] as const;
  });
  return (said) => traces.flatMap(([name, forms]) => (forms.some((form) => said.includes(form)) ? [name] : []));
}

async function pagesOf({ client }: AgentWorld, session: string): Promise<string[]> {
  const pages: string[] = [];
  for (let offset = 0, size = 1; offset < size; ) {
    const page = await client.session(session, { offset });
    pages.push(JSON.stringify(page));
    ({ next_offset: offset, size } = page);
  }
  return pages;
}

/** Every file below a folder, but for what lies in these of its own folders: there programs are among themselves. */
function filesIn(folder: string, but: readonly string[] = ["spool", "workspaces"]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => but.every((each) => !path.startsWith(join(folder, each))));
}
