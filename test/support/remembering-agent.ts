import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { agent, methods, ndJsonStream, RequestError } from "@agentclientprotocol/sdk";

/**
 * An agent over ACP that answers with all that it was ever told in its session, which it keeps in a file where it works.
 * Its first argument says how it can take one up again: `resumes`, `loads` (and tells it all again), `refuses` (says that
 * it can, and has none), `cannot`. A prompt that holds `fail once` or `wait once` fails, or is never answered, the first time.
 * This file is a program.
 */
const [manner = "cannot", name] = process.argv.slice(2);
const file = (session: string): string => `session-${encodeURIComponent(session)}`;
const told = (session: string): string[] =>
  existsSync(file(session)) ? readFileSync(file(session), "utf8").split("\n").filter(Boolean) : [];
const known = (sessionId: string): void => {
  if (manner === "refuses" || !existsSync(file(sessionId))) throw RequestError.resourceNotFound(sessionId);
};

agent({ name: "remembering" })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: 1,
    agentCapabilities: {
      loadSession: manner === "loads",
      ...(manner === "resumes" || manner === "refuses" ? { sessionCapabilities: { resume: {} } } : {}),
    },
  }))
  .onRequest(methods.agent.session.new, () => ({ sessionId: name ?? randomUUID() }))
  .onRequest(methods.agent.session.resume, ({ params }) => {
    known(params.sessionId);
    return {};
  })
  .onRequest(methods.agent.session.load, async ({ params, client }) => {
    const { sessionId } = params;
    known(sessionId);
    for (const text of told(sessionId))
      await client.notify(methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: `once: ${text}` } },
      });
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const { sessionId } = params;
    const words = params.prompt.map((each) => (each.type === "text" ? each.text.trim() : "")).join("");
    appendFileSync(file(sessionId), `${words}\n`);
    const first = !existsSync("before");
    if (words.includes("once") && first) {
      writeFileSync("before", "");
      if (words.includes("fail")) throw RequestError.internalError({ details: "as it was told" });
      return new Promise<never>(() => {});
    }
    await client.notify(methods.client.session.update, {
      sessionId,
      update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: told(sessionId).join(" | ") } },
    });
    return { stopReason: "end_turn" as const };
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  );
