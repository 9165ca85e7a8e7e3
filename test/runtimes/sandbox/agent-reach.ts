import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { calls, type Reply, text } from "../../support/llm/script.ts";
import { temporaryFolder } from "../../support/world.ts";
import { agentWorld, among, type Got, gotIn, type House } from "./agent-world.ts";
import { piFiles, thinking } from "./pi-files.ts";

const ROAMS = `
name: roams
inputs: { orders: { type: string } }
phases: [{ name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md, unrestricted_egress: true }]
`;

/** Whom an agent in a sandbox reaches. */
export function keepsWithin(house: House): void {
  const tell = house.refusal === null ? "" : `: not run: ${house.refusal}`;
  describe.skipIf(house.refusal !== null)(`a hostile agent's calls from a sandbox of ${house.name}${tell}`, () => {
    test("reach nobody: no host, no name, no service of the machine, no server that tells of the cloud around it", async () => {
      const world = await agentWorld(house);
      const heard = await listener();
      const path = join(temporaryFolder(), "s");
      const abstract = `lastlight-${process.pid}-${house.name}`;
      const ports = [await listening(createServer(), 0), Number(new URL(world.url).port)];
      await listening(createServer(), path);
      await listening(createServer(), `\0${abstract}`);
      const got = await world.attempts([
        ...ports.map((port) => ["tcp", "127.0.0.1", String(port)]),
        ["tcp", "169.254.169.254", "80"],
        ["tcp", "1.1.1.1", "443"],
        ["tcp", "2606:4700:4700::1111", "443"],
        ["udp", "127.0.0.1", String(heard.port)],
        ["udp", "8.8.8.8", "53"],
        ["lookup", "example.com"],
        ["fetch", "http://169.254.169.254/latest/meta-data/"],
        ["fetch", "https://example.com/"],
        ["unix", path],
        ["unix", "/run/docker.sock"],
        ["unix", "/run/podman/podman.sock"],
        ["unix", "/run/dbus/system_bus_socket"],
        ["abstract", abstract],
      ]);
      // What is sent to the sandbox' own loopback goes nowhere.
      const reached = got.filter(({ got }, at) => got !== undefined && at !== 5);
      expect(reached).toEqual([]);
      expect(await heard.whatElse()).toEqual([]);
    });

    test("reach with the whole Internet opened to them neither the daemon nor anything else that is inside", async () => {
      const world = await agentWorld(house, { files: { "roams.yaml": ROAMS } });
      const { port } = new URL(world.url);
      const inside = ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "2130706433", "127.1"].flatMap((host) => [
        `http://${host}:${port}/livez`,
        `http://${host}/`,
      ]);
      const asked = [
        ...inside,
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://10.0.0.1/",
      ];
      const orders = [...asked.map((url) => ["fetch", url]), ["tcp", "127.0.0.1", port]];
      const run = await world.run("roams", { orders: JSON.stringify(orders) });
      const got = gotIn(world.workspace(run.id, "got"), orders.length);
      expect(got.slice(0, -1).filter(isLetThrough)).toEqual([]);
      expect(got.at(-1)?.got).toBeUndefined();
      const [execution = ""] = run.executions.map(({ id }) => id);
      const refused = readFileSync(world.at("spool", execution, "egress.log"), "utf8")
        .trim()
        .split("\n");
      expect(refused.length).toBeGreaterThanOrEqual(asked.length - 2);
    });

    test("answer no gate of their own run, not even with the daemon's own token", async () => {
      let gate = "";
      const known = Promise.withResolvers<void>();
      const asked: string[][] = [];
      let port = "";
      let token = "";
      function* script(): Generator<Reply> {
        yield { ...calls(["bash", { command: "true" }]), before: known.promise };
        const body = JSON.stringify({ decision: "approve" });
        for (const host of ["127.0.0.1", "localhost"])
          for (const given of ["", token])
            for (const way of ["post", "relay"])
              asked.push([way, `http://${host}:${port}/api/v1/approvals/${gate}/respond`, body, given]);
        const words = `'${JSON.stringify(asked)}'`;
        const around = "env -u HTTP_PROXY -u HTTPS_PROXY -u http_proxy -u https_proxy NODE_USE_ENV_PROXY=0";
        yield calls(["bash", { command: `hostile ${words} > by-proxy; ${around} hostile ${words} > around` }]);
        yield text("The gate is open");
      }
      const model = await thinking(script());
      const asks = { name: "asks", depends_on: ["settles"], type: "approval", approval: { summary: "May it?" } };
      const world = await agentWorld(house, { files: piFiles(model.url, [asks]) });
      ({ port } = new URL(world.url));
      token = world.token;
      const { id } = await world.client.startRun({ workflow: "thinks" });
      for await (const { status } of world.client.watchRun(id)) {
        if (gate === "") gate = (await world.client.approvals({ status: "pending" })).items[0]?.id ?? "";
        if (gate !== "") known.resolve();
        if (status === "paused") break;
      }
      const run = await world.client.run(id);
      expect(run.executions.find(({ phase }) => phase === "works")).toMatchObject({
        status: "ok",
        output: "The gate is open",
      });
      expect(run.approvals).toMatchObject([{ id: gate, status: "pending" }]);
      const works = (name: string): string => world.workspace(id, name);
      const [proxied, around] = [gotIn(works("by-proxy"), asked.length), gotIn(works("around"), asked.length)];
      expect(proxied.map(({ got }, at) => asked[at]?.[0] === "relay" && String(got).slice(0, 4))).toEqual(
        asked.map(([way]) => way === "relay" && "403 "),
      );
      expect(proxied.filter(({ got }, at) => asked[at]?.[0] === "post" && got !== undefined)).toEqual([]);
      // There is a port for what passes the proxy by: the proxy's own.
      expect(around.filter(({ got }, at) => asked[at]?.[0] === "post" && got !== undefined)).toEqual([]);
      expect(among(["approved"], proxied, around)).toEqual([]);
      // A person can.
      await world.client.respond(gate, { decision: "approve" });
      expect((await world.over(id)).status).toBe("succeeded");
    });
  });
}

/** A proxy's own refusal is an answer, too. */
function isLetThrough({ got }: Got): boolean {
  return got !== undefined && got !== 403 && got !== 502;
}

async function listening(server: Server, where: string | number): Promise<number> {
  onTestFinished(() => void server.close());
  const at = typeof where === "number" ? { port: where, host: "127.0.0.1" } : { path: where };
  await new Promise<void>((resolve) => void server.listen(at, resolve));
  return (server.address() as AddressInfo).port;
}

/** A port for datagrams, and all that came there but for our own, which comes after all that was sent before. */
async function listener() {
  const heard: string[] = [];
  const socket = createSocket("udp4", (message) => void heard.push(String(message)));
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const whatElse = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => {
      socket.once("message", () => resolve());
      const ours = createSocket("udp4");
      ours.send("ours", port, "127.0.0.1", () => ours.close());
    });
    return heard.filter((each) => each !== "ours");
  };
  return { port, whatElse };
}
