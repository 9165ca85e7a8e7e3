import { existsSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../../src/domain/clock.ts";
import { isPublic } from "../../../src/runtimes/sandbox/addresses.ts";
import { openEgress, type Refused } from "../../../src/runtimes/sandbox/egress.ts";
import { readHosts } from "../../../src/runtimes/sandbox/hosts.ts";
import { fakeClock } from "../../support/clock.ts";
import { temporaryFolder } from "../../support/world.ts";

/** A proxy with its own names, and two servers nobody opened unless the test says so. */
async function world(
  hosts: (port: number) => string[],
  options: { names?: { readonly [name: string]: readonly string[][] }; clock?: Clock } = {},
) {
  const port = await listening(createHttpServer(answer), "127.0.0.1", 0);
  const trapped: string[] = [];
  const trap = createServer((socket) => {
    trapped.push("reached");
    socket.end();
  });
  await listening(trap, "127.0.0.2", port);
  const seen: { method?: string; url?: string; headers: string[] }[] = [];
  function answer(incoming: IncomingMessage, outgoing: import("node:http").ServerResponse): void {
    seen.push({ method: incoming.method, url: incoming.url, headers: incoming.rawHeaders });
    if (incoming.url === "/away")
      outgoing.writeHead(302, { Location: "http://169.254.169.254/latest/meta-data" }).end();
    else incoming.pipe(outgoing.writeHead(200, { "X-Answer": "yes" }));
  }
  const asked: string[] = [];
  const refused: Refused[] = [];
  const socket = join(temporaryFolder(), "s");
  const egress = await openEgress({
    socket,
    opened: readHosts(hosts(port)),
    clock: options.clock ?? systemClock(),
    onRefused: (each) => void refused.push(each),
    resolve: async (name) => {
      const times = asked.filter((each) => each === name).length;
      asked.push(name);
      const answers = options.names?.[name] ?? [];
      return answers[Math.min(times, answers.length - 1)] ?? [];
    },
  });
  onTestFinished(() => egress.close());
  return { port, socket, seen, trapped, asked, refused, say: (text: string) => say(socket, text) };
}

function listening(server: Server, host: string, port: number): Promise<number> {
  onTestFinished(() => void server.close());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Sends bytes and returns all that came back. */
function say(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const client = connect({ path });
    client.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    client.on("error", () => {});
    client.on("close", () => resolve(heard));
    client.write(Buffer.from(text, "utf8"));
  });
}

const tunnel = (target: string): string => `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
const fetched = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

/** `P` is the port of a server on 127.0.0.1; opened are `opened.example` and all below `wild.example`. */
const COATS = [
  "127.0.0.1:P",
  "2130706433:P",
  "0x7f000001:P",
  "0x7F.1:P",
  "0x7f.0.0.1:P",
  "0177.0.0.1:P",
  "017700000001:P",
  "127.1:P",
  "127.0.1:P",
  "127.0.0.1.:P",
  "127.000.000.001:P",
  "0:P",
  "0.0.0.0:P",
  "localhost:P",
  "LocalHost:P",
  "localhost.:P",
  "[::1]:P",
  "[0:0:0:0:0:0:0:1]:P",
  "[::]:P",
  "[::ffff:127.0.0.1]:P",
  "[::ffff:7f00:1]:P",
  "[::127.0.0.1]:P",
  "[64:ff9b::7f00:1]:P",
  "[fe80::1%25lo]:P",
  "[fe80::1%lo]:P",
  "::1:P",
  "169.254.169.254:80",
  "2852039166:80",
  "0xa9fea9fe:80",
  "[fd00:ec2::254]:80",
  "metadata.google.internal:80",
  "10.0.0.1:443",
  "192.168.1.1:443",
  "93.184.216.34:443",
  "user@127.0.0.1:P",
  "opened.example@127.0.0.1:P",
  "127.0.0.1:P@opened.example:443",
  "opened.example:443@127.0.0.1:P",
  "opened.example/../127.0.0.1:P",
  "opened.example%00.evil.example:443",
  "opened.example.evil.example:443",
  "evilopened.example:443",
  "wild.example:443",
  "evilwild.example:443",
  ".wild.example:443",
  "-.wild.example:443",
  "a..wild.example:443",
  "*.wild.example:443",
  `${"a".repeat(64)}.wild.example:443`,
  `${"a.".repeat(126)}wild.example:443`,
  "opened.example",
  "opened.example:22",
  "opened.example:P",
  "opened.example:0",
  "opened.example:0443",
  "opened.example:+443",
  "opened.example:65979",
  "opened.example:443:443",
  "opened.example..:443",
  "http://opened.example:443",
  "/opened.example:443",
  "*",
];
/** What no host is called: letters that other readers fold into ASCII, signs that begin something else. */
const NAMELESS = [
  "opened.example#@127.0.0.1:P",
  "opened.example\\@127.0.0.1:P",

  "оpened.example:443",
  "opened。example:443",
  "①②⑦.0.0.1:P",
  "ｏpened.example:443",
  "openeſ.example:443",
];
const WHOLE = [
  "http://127.0.0.1:P/",
  "http://2130706433:P/",
  "http://0x7f.1:P/",
  "http://localhost:P/",
  "http://[::ffff:127.0.0.1]:P/",
  "http://opened.example@127.0.0.1:P/",
  "http://opened.example\\@127.0.0.1:P/",
  "http://:@127.0.0.1:P/",
  "http://169.254.169.254/latest/meta-data",
  "http://opened.example:22/",
  "http:///etc/passwd",
  "https://opened.example/",
  "ftp://opened.example/",
  "gopher://opened.example/",
  "file:///etc/passwd",
  "//opened.example/",
  "/etc/passwd",
  "*",
];

describe("what was not opened", () => {
  const opened = () => ["opened.example", "*.wild.example"];

  test.each(COATS)("CONNECT %s is refused, told, and connects to nothing", async (coat) => {
    const { port, say, seen, asked, refused } = await world(opened);
    const answer = await say(tunnel(coat.replaceAll("P", String(port))));
    expect(statusOf(answer)).toBe(403);
    expect([seen, asked]).toEqual([[], []]);
    expect(refused).toHaveLength(1);
  });

  test.each(NAMELESS)("CONNECT %s is no name at all", async (coat) => {
    const { port, say, seen, asked } = await world(opened);
    expect(statusOf(await say(tunnel(coat.replaceAll("P", String(port)))))).toBeOneOf([400, 403]);
    expect([seen, asked]).toEqual([[], []]);
  });

  test.each(WHOLE)("GET %s is refused", async (url) => {
    const { port, say, seen, asked } = await world(opened);
    expect(statusOf(await say(fetched(url.replaceAll("P", String(port)))))).toBeOneOf([400, 403]);
    expect([seen, asked]).toEqual([[], []]);
  });

  test.each([
    ["a line break within the target", "CONNECT opened.example\r\n@127.0.0.1:443 HTTP/1.1\r\n\r\n"],
    ["a bare line feed", "CONNECT opened.example:443 HTTP/1.1\nHost: x\n\n"],
    [
      "two lengths",
      "POST http://127.0.0.1/ HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a head without end", `GET http://127.0.0.1/ HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
  ])("%s is no request", async (_what, text) => {
    const { say, seen, asked } = await world(opened);
    expect(statusOf(await say(text))).toBeOneOf([0, 400, 403, 431]);
    expect([seen, asked]).toEqual([[], []]);
  });

  test("a refusal says to a person what was asked for, and on whose account it was refused", async () => {
    const { say, refused } = await world(opened);
    const answer = await say(tunnel("evil.example:443"));
    expect(answer).toContain("evil.example:443 is not among the hosts opened here");
    expect(refused).toMatchObject([{ asked: "evil.example:443" }]);
    await say(tunnel(`${"x".repeat(5_000)}:443`));
    expect(refused[1]?.asked.length).toBeLessThanOrEqual(300);
  });
});

const SPECIAL = (
  "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 " +
  "192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 " +
  "::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:a9fe:a9fe ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:db8::1 " +
  "2002:7f00:1::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo fec0::1 ff02::1 4000::1 nonsense"
).split(" ");

describe("where an opened name may lead", () => {
  test.each(SPECIAL)("not to %s, whether alone or among others", async (address) => {
    const names = { "opened.example": [[address]], "mixed.example": [["93.184.216.34", address]] };
    const { say } = await world(() => ["opened.example", "mixed.example"], { names });
    for (const name of Object.keys(names)) {
      expect(statusOf(await say(tunnel(`${name}:443`)))).toBe(403);
      expect(statusOf(await say(fetched(`http://${name}/`)))).toBe(403);
    }
  });

  test("to the open Internet", () => {
    expect(["93.184.216.34", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"].filter(isPublic)).toHaveLength(
      5,
    );
  });

  test("a name without an address says so", async () => {
    const { say } = await world(() => ["opened.example"]);
    expect(await say(tunnel("opened.example:443"))).toMatch(/^HTTP\/1\.1 502 .*has no address/s);
  });

  test("a name is resolved once, and what was checked is what is connected to", async () => {
    const names = { "inner.example": [["127.0.0.1"], ["127.0.0.2"]] };
    const { port, say, asked, trapped, seen } = await world((port) => [`private:inner.example:${port}`], { names });
    const answer = await say(
      `${tunnel(`inner.example:${port}`)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toContain("X-Answer: yes");
    expect([asked, trapped, seen.length]).toEqual([["inner.example"], [], 1]);
  });

  test("an answer that sends elsewhere is the program's to follow, through the same door", async () => {
    const { port, say, seen } = await world((port) => [`127.0.0.1:${port}`]);
    expect(statusOf(await say(fetched(`http://127.0.0.1:${port}/away`)))).toBe(302);
    expect(statusOf(await say(fetched("http://169.254.169.254/latest/meta-data")))).toBe(403);
    expect(seen).toHaveLength(1);
  });
});

describe("what was opened", () => {
  test("an address that is listed as such is reached, whoever's it is", async () => {
    const { port, say } = await world((port) => [`127.0.0.1:${port}`]);
    const inner = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await say(`${tunnel(`127.0.0.1:${port}`)}${inner}`)).toMatch(/200 Connection established.*X-Answer: yes/s);
    expect(statusOf(await say(fetched(`http://127.0.0.1:${port}/x?y=1`)))).toBe(200);
  });

  test("one spelling of an address opens that spelling alone", async () => {
    const { port, say, seen } = await world((port) => [`127.0.0.1:${port}`]);
    for (const coat of ["2130706433", "127.1", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "127.0.0.2"])
      expect(statusOf(await say(tunnel(`${coat}:${port}`)))).toBe(403);
    expect(seen).toEqual([]);
  });

  test.each(["inner.example", "INNER.Example", "inner.example.", "a.b.below.example"])(
    "%s is the name that was opened, or below it",
    async (name) => {
      const names = { "inner.example": [["127.0.0.1"]], "a.b.below.example": [["127.0.0.1"]] };
      const opened = (port: number) => [`private:inner.example:${port}`, `private:*.below.example:${port}`];
      const { port, say } = await world(opened, { names });
      expect(statusOf(await say(fetched(`http://${name}:${port}/`)))).toBe(200);
    },
  );

  test("the host hears its own name once, and nothing that was meant for the proxy", async () => {
    const { port, say, seen } = await world((port) => [`127.0.0.1:${port}`]);
    const head = [
      "Host: evil.example",
      "Proxy-Authorization: Basic eA==",
      "Connection: X-Mine, close",
      "X-Mine: 1",
      "X-Kept: 2",
    ];
    await say(`POST http://127.0.0.1:${port}/p HTTP/1.1\r\n${head.join("\r\n")}\r\nContent-Length: 2\r\n\r\nhi`);
    expect(seen).toMatchObject([{ method: "POST", url: "/p" }]);
    expect(seen[0]?.headers.join(" ")).toBe(`X-Kept 2 Content-Length 2 Host 127.0.0.1:${port} Connection close`);
  });

  test("a body comes back as it was sent", async () => {
    const { port, say } = await world((port) => [`127.0.0.1:${port}`]);
    const body = "x".repeat(200_000);
    const head = `POST http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await say(head + body);
    expect(answer.match(/x{1000,}/g)?.join("").length ?? 0).toBeGreaterThanOrEqual(199_000);
  });
});

describe("an allow-list that says what it does not mean is refused", () => {
  test.each([
    "**",
    "*:443",
    "*.com",
    "",
    "a b",
    "http://a.example",
    "a.example/",
    "a.example:0",
    "2130706433",
    "*.127.0.0.1",
    "ü.example",
    "a@b.example",
    "private:",
    "private:*.x",
  ])("%j", (host) => {
    expect(() => readHosts([host])).toThrow(expect.objectContaining({ code: "config.invalid" }));
  });

  test("more hosts than anyone reads", () => {
    expect(() => readHosts(Array.from({ length: 257 }, (_, at) => `h${at}.example`))).toThrow("257 hosts");
  });
});

describe("nobody keeps the proxy to himself", () => {
  test("the sixty-fifth connection finds the door shut, and the others go on", async () => {
    const { port, socket, say } = await world((port) => [`127.0.0.1:${port}`]);
    const held = await Promise.all(
      Array.from(
        { length: 64 },
        () =>
          new Promise<import("node:net").Socket>((resolve) => {
            const client = connect({ path: socket });
            client.on("error", () => {});
            client.once("data", () => resolve(client));
            client.write(tunnel(`127.0.0.1:${port}`));
          }),
      ),
    );
    expect(await say(tunnel(`127.0.0.1:${port}`))).toBe("");
    const answered = new Promise((resolve) => held[0]?.once("data", (chunk) => resolve(String(chunk))));
    held[0]?.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await answered).toContain("200 OK");
    for (const client of held) client.destroy();
  });

  test("a tunnel through which nothing goes for a quarter of an hour is closed", async () => {
    const clock = fakeClock();
    const { port, socket } = await world((port) => [`127.0.0.1:${port}`], { clock });
    const client = connect({ path: socket });
    client.on("error", () => {});
    await new Promise((resolve) => {
      client.once("data", resolve);
      client.write(tunnel(`127.0.0.1:${port}`));
    });
    const closed = new Promise((resolve) => client.once("close", () => resolve("closed")));
    clock.advance(20 * 60_000);
    expect(await closed).toBe("closed");
  });

  test("a proxy that is closed leaves no socket behind", async () => {
    const socket = join(temporaryFolder(), "s");
    const egress = await openEgress({ socket, opened: [], clock: systemClock(), onRefused: () => {} });
    expect(existsSync(socket)).toBe(true);
    egress.close();
    expect(existsSync(socket)).toBe(false);
  });
});
