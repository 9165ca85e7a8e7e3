import type { IncomingMessage, Server } from "node:http";
import type { Clock } from "../domain/clock.ts";

/** Time enough for an answer to be read by whoever is still sending. */
const PATIENCE_MS = 300;

/**
 * Keeps connections a little longer that are answered before their request is read to its end. A socket that is closed
 * over unread bytes is reset, and the reset takes the answer along: whoever sends too much would never be told so.
 * Nothing more is read meanwhile, so that it costs nobody anything.
 */
export function linger(server: Server, clock: Clock): void {
  server.on("request", (incoming: IncomingMessage) => {
    const { socket } = incoming;
    const close = socket.destroySoon;
    // What Node calls when the answer is written and the connection is not to be kept.
    socket.destroySoon = () => {
      socket.destroySoon = close;
      if (incoming.complete || socket.destroyed) return socket.destroySoon();
      socket.once(
        "close",
        clock.after(PATIENCE_MS, () => socket.destroy()),
      );
      socket.end();
      incoming.pause();
      socket.pause();
    };
  });
}
