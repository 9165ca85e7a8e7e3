import { connect, type Socket } from "node:net";

/** What came back for one delivery: the status of its answer and what it held, or null where the connection broke first. */
export interface Told {
  readonly at: number;
  readonly status: number | null;
  readonly ms: number;
  readonly body: string;
}

/**
 * Sends prepared requests over so many connections that stay open, each the next one as soon as it is answered. A
 * broken connection is told of, and not taken up again. Cheap, since it stands on the machine it measures.
 */
export async function send(options: {
  port: number;
  connections: number;
  count: number;
  /** The whole request, bytes as they go over the wire. */
  request: (at: number) => Buffer;
  tell: (told: Told) => void;
}): Promise<void> {
  const { port, connections, count, request, tell } = options;
  let next = 0;
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let current = -1;
      let since = 0;
      let text = "";
      const go = (): void => {
        if (next >= count) {
          current = -1;
          socket.end();
          return;
        }
        current = next++;
        text = "";
        since = performance.now();
        socket.write(request(current));
      };
      socket.on("connect", go);
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1");
        const head = text.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, head))?.[1] ?? Number.NaN);
        if (!(text.length >= head + 4 + length)) return;
        const told = { at: current, status: Number(text.slice(9, 12)), ms: performance.now() - since };
        tell({ ...told, body: text.slice(head + 4) });
        go();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        if (current >= 0) tell({ at: current, status: null, ms: performance.now() - since, body: "" });
        resolve();
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
}

/** A request as it goes over the wire. */
export function requestBytes(
  port: number,
  path: string,
  head: Readonly<Record<string, string>>,
  body: Uint8Array,
): Buffer {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...head, "content-length": String(body.length) });
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${text}\r\n`, "latin1"), body]);
}
