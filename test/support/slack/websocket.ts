import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** The far end of a WebSocket (RFC 6455), as much of it as Slack's needs. */
export interface Peer {
  send(text: string): void;
  ping(): void;
  /** Politely: with a close frame, and the connection once it is answered. */
  close(): void;
  /** As when a cable is cut. */
  cut(): void;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Takes an upgrade; what comes, and that nothing more comes, is told. */
export function accept(
  request: IncomingMessage,
  socket: Duplex,
  heard: { text(text: string): void; closed(): void },
): Peer {
  const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  let rest: Buffer = Buffer.alloc(0);
  let closing = false;
  const parts: Buffer[] = [];

  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (let frame = frameIn(rest); frame; frame = frameIn(rest)) {
      rest = rest.subarray(frame.size);
      take(frame);
    }
  });
  socket.on("error", () => {});
  socket.on("close", heard.closed);

  function take({ opcode, final, data }: Frame): void {
    if (opcode === PING) write(PONG, data);
    else if (opcode === CLOSE) {
      if (!closing) write(CLOSE, data);
      socket.end();
    } else if (opcode <= TEXT) {
      parts.push(data);
      if (final) heard.text(Buffer.concat(parts.splice(0)).toString("utf8"));
    }
  }

  function write(opcode: number, data: Buffer): void {
    if (socket.destroyed || socket.writableEnded) return;
    const head =
      data.length < 126
        ? Buffer.from([0x80 | opcode, data.length])
        : data.length < 65_536
          ? Buffer.from([0x80 | opcode, 126, data.length >> 8, data.length & 0xff])
          : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), uint32(data.length)]);
    socket.write(Buffer.concat([head, data]));
  }

  return {
    send: (text) => write(TEXT, Buffer.from(text)),
    ping: () => write(PING, Buffer.from("Ping from Slack")),
    close: () => {
      closing = true;
      write(CLOSE, Buffer.from([0x03, 0xe8]));
    },
    cut: () => socket.destroy(),
  };
}

interface Frame {
  readonly size: number;
  readonly opcode: number;
  readonly final: boolean;
  readonly data: Buffer;
}

/** The first frame, once all of it is there. Those of a client are masked. */
function frameIn(bytes: Buffer): Frame | null {
  if (bytes.length < 2) return null;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const short = second & 0x7f;
  const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthSize + 4;
  if (bytes.length < start) return null;
  const length = lengthSize === 0 ? short : lengthSize === 2 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
  if (bytes.length < start + length) return null;
  const mask = bytes.subarray(start - 4, start);
  const data = Buffer.from(bytes.subarray(start, start + length));
  for (let at = 0; at < data.length; at++) data[at] = (data[at] as number) ^ (mask[at % 4] as number);
  return { size: start + length, opcode: first & 0x0f, final: (first & 0x80) !== 0, data };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
