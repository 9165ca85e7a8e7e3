import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../src", import.meta.url));
const floors: Record<string, number> = {
  domain: 0,
  config: 1,
  store: 1,
  workflow: 1,
  engine: 2,
  phases: 3,
  runtimes: 3,
  triggers: 3,
  connectors: 3,
  chat: 3,
  tools: 3,
  http: 4,
  dashboard: 4,
  cli: 4,
  "": 5,
};
/** One package, one door: to replace a library is to replace a file. */
const doors: Record<string, RegExp> = {
  "better-sqlite3": /^store\/sqlite\//,
  eventemitter3: /^engine\/bus\.ts$/,
  yaml: /^workflow\/parse\.ts$/,
  croner: /^workflow\/calendar\.ts$/,
  pino: /^log\.ts$/,
  liquidjs: /^workflow\/template\.ts$/,
  "@marcbachmann/cel-js": /^workflow\/expression\.ts$/,
  ajv: /^workflow\/inputs\.ts$/,
  hono: /^http\//,
  "@hono/node-server": /^http\//,
  "@hono/zod-openapi": /^http\//,
  zod: /^(http|workflow)\//,
  commander: /^cli\//,
  "@clack/prompts": /^cli\//,
  "cli-table3": /^cli\//,
  "openid-client": /^http\/identity\/oidc\.ts$/,
  "rate-limiter-flexible": /^(http\/identity\/attempts|triggers\/rates)\.ts$/,
  standardwebhooks: /^triggers\/signature\.ts$/,
  "@agentclientprotocol/sdk": /^runtimes\/drivers\/acp\.ts$/,
  "@octokit/app": /^connectors\/github\/app\.ts$/,
  "@slack/web-api": /^connectors\/slack\/(web|wire)\.ts$/,
  "@slack/socket-mode": /^connectors\/slack\/line\.ts$/,
};

interface Import {
  file: string;
  line: string;
  to: string;
  typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const text = new Map(files.map((file) => [file, readFileSync(join(SRC, file), "utf8")]));
const imports: Import[] = files.flatMap((file) =>
  [
    ...(text.get(file) as string).matchAll(
      /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;"']*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|^import\s+"([^"]+)"/gm,
    ),
  ].map((match) => ({
    file,
    line: match[0].trim(),
    to: (match[2] ?? match[3] ?? match[4]) as string,
    typeOnly: match[1] !== undefined,
  })),
);
/** What stands in the root but is no wiring: the CLI reads the same configuration as the daemon. */
const lowered: Record<string, number> = { "config.ts": 2, "log.ts": 3 };
const floorOf = (file: string): number => lowered[file] ?? (floors[room(file)] as number);
const room = (file: string): string => (file.includes("/") ? (file.split("/")[0] as string) : "");
const target = ({ file, to }: Import): string => relative(SRC, join(SRC, dirname(file), to));
const inside = imports.filter(({ to }) => to.startsWith("."));
const packages = imports.filter(({ to }) => !to.startsWith(".") && !to.startsWith("node:"));
const packageOf = (to: string): string =>
  to
    .split("/")
    .slice(0, to.startsWith("@") ? 2 : 1)
    .join("/");

test("the house is really here to be looked at", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(inside.length).toBeGreaterThan(100);
  expect(new Set(packages.map(({ to }) => packageOf(to))).size).toBeGreaterThan(5);
});

describe("the floors hold", () => {
  test("every file stands in a room of the map", () => {
    expect(files.filter((file) => floors[room(file)] === undefined)).toEqual([]);
  });

  test("imports go down, or stay in the room; rooms of one floor do not know each other", () => {
    const wrong = inside.filter((each) => {
      const [from, to] = [room(each.file), room(target(each))];
      if (from === to) return false;
      // The API's types are shared by those who speak it.
      if (from === "cli" && /^http\/(api|client)\.ts$/.test(target(each))) return false;
      return floorOf(target(each)) >= floorOf(each.file);
    });
    expect(wrong.map(({ file, to }) => `${file} → ${to}`)).toEqual([]);
  });

  test("the domain imports nothing but itself", () => {
    expect(
      imports
        .filter((each) => room(each.file) === "domain")
        .filter((each) => !each.to.startsWith(".") || !target(each).startsWith("domain/"))
        .map(({ file, to }) => `${file} → ${to}`),
    ).toEqual([]);
  });

  test("only the composition names a backend; everyone else knows the store's contract", () => {
    const wrong = inside.filter(
      (each) =>
        /^store\/sqlite\//.test(target(each)) &&
        !/^(store\/sqlite\/|(daemon|simulate|first-user|lock)\.ts)/.test(each.file),
    );
    expect(wrong.map(({ file, to }) => `${file} → ${to}`)).toEqual([]);
  });

  test("each package has one door", () => {
    const wrong = packages.filter(({ file, to }) => !doors[packageOf(to)]?.test(file));
    expect(wrong.map(({ file, to }) => `${file} → ${to}`)).toEqual([]);
  });
});

describe("what the house forbids", () => {
  const forbid = (pattern: RegExp, allowed: RegExp): string[] =>
    files.filter(
      (file) =>
        !allowed.test(file) && pattern.test((text.get(file) as string).replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, "")),
    );

  test("one reader of the environment", () => {
    expect(forbid(/process\.env\b/, /^config\.ts$/)).toEqual([]);
  });

  test("one seam for time and chance", () => {
    expect(
      forbid(
        /Date\.now\(|new Date\(\)|Math\.random|randomUUID|\bsetTimeout\(|\bsetInterval\(/,
        /^(domain\/clock\.ts|workflow\/|http\/|cli\/)/,
      ),
    ).toEqual([]);
  });

  test("the database's own files are never opened by hand: any close would drop its locks", () => {
    const touching = files.filter((file) =>
      /\b(readFile|open|createReadStream|copyFile|createWriteStream)(Sync)?\([^)]*\.db\b/.test(
        text.get(file) as string,
      ),
    );
    expect(touching).toEqual([]);
    expect(forbid(/-wal|-shm/, /^store\/sqlite\/migrations\//)).toEqual([]);
  });

  test("no file of a name that says nothing, no barrel, no file that hides a noun", () => {
    expect(
      files.filter((file) => /(^|\/)(utils?|helpers?|common|manager|service|types|misc|index)\.ts$/.test(file)),
    ).toEqual([]);
    expect(files.filter((file) => (text.get(file) as string).split("\n").length > 500)).toEqual([]);
  });

  test("a run is written by transitions alone", () => {
    const writers = files.filter((file) => /(INSERT INTO|UPDATE) workflow_runs\b/.test(text.get(file) as string));
    expect(writers).toEqual(["store/sqlite/runs.ts"]);
    expect(files.filter((file) => /\badvance\(/.test(text.get(file) as string)).sort()).toEqual([
      "domain/advance.ts",
      "store/sqlite/transitions.ts",
    ]);
  });

  test("the simulator holds no transition of its own: it drives the engine, and writes no run", () => {
    const simulator = files.filter((file) => file.startsWith("engine/simulation/"));
    expect(simulator.length).toBeGreaterThan(5);
    const values = inside.filter((each) => simulator.includes(each.file) && !each.typeOnly).map(target);
    expect(values).toContain("engine/engine.ts");
    // Of the domain only what names and reads things; nothing of a turn, and no store but by its contract.
    expect(values.filter((to) => /^domain\/(advance|turn\/|budget|matrix|retry)|^store\//.test(to))).toEqual([]);
    const text = simulator.map((file) => readFileSync(join(SRC, file), "utf8")).join("\n");
    expect(text).not.toMatch(/\badvance\(|\b(INSERT|UPDATE|DELETE)\b|\.(apply|create|claim|settle|override|mark)\(/);
  });
});
