import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/world.ts";
import { agentWorld, among, DAEMON, exists, gotIn, type House, OTHER, TOKEN } from "./agent-world.ts";

/** What an agent in a sandbox does to what lies on the machine, and what comes of it. */
export function keepsDeeds(house: House): void {
  const tell = house.refusal === null ? "" : `: not run: ${house.refusal}`;
  describe.skipIf(house.refusal !== null)(`a hostile agent's deeds in a sandbox of ${house.name}${tell}`, () => {
    test("find in /proc nothing of the daemon, of the machine, or of another phase's secret", async () => {
      const world = await agentWorld(house, {
        files: { "free.yaml": holding("free"), "boxed.yaml": holding("boxed") },
      });
      for (const workflow of ["free", "boxed"]) {
        const { id } = await world.client.startRun({ workflow });
        await exists(world.workspace(id, "holds"));
      }
      const list = [["environments"], ["commands"], ["read", "/proc/1/environ"], ["through", world.at("api-token")]];
      const got = await world.attempts([
        ...list,
        ["through", world.at("lastlight.db")],
        ["through", "/etc/shadow"],
        ["through", "/etc/hosts"],
        ["read", "/proc/kcore"],
        ["list", "/proc"],
      ]);
      const [environments, commands, first, tokens, rows, shadow, hosts, core, processes] = got.map(({ got }) => got);
      expect(among([TOKEN], environments)).toEqual([TOKEN]);
      expect(among([OTHER, DAEMON, world.token], environments, commands, first)).toEqual([]);
      expect(among(["hostile.ts", "src/main.ts", "serve", "holds"], commands)).toEqual(["hostile.ts"]);
      expect([tokens, rows, shadow]).toEqual([[], [], []]);
      // The same look finds what lies inside.
      expect(hosts).not.toEqual([]);
      // Masked by nothing at all, in an engine's own manner.
      expect(["", undefined]).toContain(core);
      expect((processes as string[]).filter((name) => /^\d+$/.test(name)).length).toBeLessThanOrEqual(9);
    });

    test("read neither the daemon's token nor its database, nor what other runs work on and have said", async () => {
      const world = await agentWorld(house, { files: { "tells.yaml": TELLS } });
      const other = await world.run("tells");
      const [execution = ""] = other.executions.map(({ id }) => id);
      const files = ["api-token", "lastlight.db", "lastlight.db-wal", "daemon.json"].map((name) => world.at(name));
      files.push(world.workspace(other.id, "note"), world.at("spool", execution, "stdout"));
      expect(files.filter((file) => !existsSync(file))).toEqual([]);
      const folders = [world.at("workspaces"), world.at("agent-sessions"), world.workflows, world.workspace(other.id)];
      const got = await world.attempts([
        ...files.map((file) => ["read", file]),
        ...folders.map((each) => ["list", each]),
      ]);
      expect(got).toEqual(got.map(() => ({ refused: "ENOENT" })));
    });

    test("read those through no link that they leave for the daemon: as an artefact or as an output", async () => {
      const artefacts = "artefacts: [{ name: made, path: made }]";
      const outputs = "outputs: { told: { from: file, path: made } }";
      const files = { "artefacts.yaml": linking("artefacts", artefacts), "outputs.yaml": linking("outputs", outputs) };
      const world = await agentWorld(house, { files });
      for (const workflow of ["artefacts", "outputs"])
        for (const to of [world.at("api-token"), "/etc/shadow", "../../api-token", "/proc/self/environ"]) {
          const run = await world.run(workflow, { orders: JSON.stringify([["link", "made", to]]) });
          expect(run).toMatchObject({ status: "failed", artefacts: [] });
          expect(run.executions[0]?.error).toBe("artefact.missing: made leads out of the workspace");
        }
    });

    test("write nothing outside of their workspace: no workflow, no other workspace, no paper of the daemon's", async () => {
      const world = await agentWorld(house, { files: { "tells.yaml": TELLS } });
      const other = await world.run("tells");
      const outside = temporaryFolder();
      const places = [
        outside,
        world.workflows,
        world.stateDir,
        world.at("spool"),
        world.workspace(other.id),
        "/usr/local/bin",
      ];
      const got = await world.attempts([
        ...places.map((folder) => ["shell", `mkdir -p '${folder}' && echo evil > '${folder}/evil.yaml'`]),
        ...places.map((folder) => ["write", `/proc/1/root${folder}/evil.yaml`]),
        ["write", join(world.stateDir, "api-token"), "mine"],
        ["write", "/home/agent/workspace/mine"],
      ]);
      expect(places.filter((folder) => existsSync(join(folder, "evil.yaml")))).toEqual([]);
      expect(readFileSync(world.at("api-token"), "utf8").trim()).toBe(world.token);
      expect(got.at(-1)).toEqual({ got: null });
      expect((await world.client.workflows()).items.map(({ name }) => name)).not.toContain("evil");
    });

    test("what they leave for a command to carry out is carried out in a sandbox, too", async () => {
      const world = await agentWorld(house, { files: { "builds.yaml": BUILDS } });
      const list = [
        ["read", world.at("api-token")],
        ["environments"],
        ["tcp", "127.0.0.1", new URL(world.url).port],
        ["through", world.at("lastlight.db")],
        ["write", join(world.workflows, "evil.yaml")],
        ["shell", "id -u"],
      ];
      const build = `'${process.execPath}' hostile.ts "$(cat list)"`;
      const run = await world.run("builds", {
        orders: JSON.stringify([
          ["shell", 'found=$(command -v hostile); cp "${found%/*}/hostile.ts" .'],
          ["write", "list", JSON.stringify(list)],
          ["write", "build.sh", `${build} > "by-\${1:-script}"\n`],
          ["write", "package.json", JSON.stringify({ type: "module", scripts: { build: "sh build.sh package" } })],
          ["write", "Makefile", "all:\n\t@sh build.sh make\n"],
          ["shell", "git init -q . || true"],
          ["write", ".git/hooks/post-commit", "#!/bin/sh\nsh build.sh hook\n"],
          ["shell", "chmod +x .git/hooks/post-commit || true"],
        ]),
      });
      expect(run).toMatchObject({ status: "succeeded" });
      const ways = readdirSync(world.workspace(run.id)).filter((name) => name.startsWith("by-"));
      expect(ways).toEqual(
        house.name === "podman" ? ["by-package", "by-script"] : ["by-hook", "by-make", "by-package", "by-script"],
      );
      for (const way of ways) {
        const got = gotIn(world.workspace(run.id, way), list.length);
        expect(among([DAEMON, OTHER, world.token], got)).toEqual([]);
        expect(got.map((each) => each.refused ?? "had")).toEqual([
          "ENOENT",
          "had",
          "ECONNREFUSED",
          "had",
          "ENOENT",
          "had",
        ]);
        expect(got[3]).toEqual({ got: [] });
      }
      expect(existsSync(join(world.workflows, "evil.yaml"))).toBe(false);
    });
  });
}

/** Holds a secret in its environment until it is ended; in a sandbox of its own where it is boxed. */
function holding(name: string): string {
  const egress = name === "boxed" ? "egress: []" : "";
  return `
name: ${name}
secrets: [OTHER]
phases: [{ name: holds, type: bash, secrets: [OTHER], ${egress ? `${egress}, ` : ""}command: "touch holds; sleep 600" }]
`;
}

const TELLS = `
name: tells
phases: [{ name: tells, type: bash, command: "echo canary | tee note" }]
`;

function linking(name: string, collected: string): string {
  return `
name: ${name}
inputs: { orders: { type: string } }
phases: [{ name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md, ${collected} }]
`;
}

const BUILDS = `
name: builds
inputs: { orders: { type: string } }
phases:
  - { name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md }
  - name: builds
    type: bash
    command: |
      sh build.sh
      '${process.execPath}' --run build
      if command -v make > /dev/null; then make; fi
      if command -v git > /dev/null; then git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m done; fi
      true
`;
