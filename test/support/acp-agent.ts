import { writeFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { type AgentContext, agent, methods, ndJsonStream, RequestError } from "@agentclientprotocol/sdk";

/** An agent over ACP that does what its first argument says, for tests of whoever drives it. */
const [manner = "plain"] = process.argv.slice(2);
const cancelled = Promise.withResolvers<void>();
let model = "none chosen";

agent({ name: "scripted" })
  .onRequest(methods.agent.initialize, () => ({ protocolVersion: 1, agentCapabilities: {} }))
  .onRequest(methods.agent.session.new, () => ({
    sessionId: "session-1",
    configOptions: [
      {
        type: "select" as const,
        id: "which",
        category: "model",
        name: "Model",
        currentValue: "small",
        options: [
          { value: "small", name: "Small" },
          { value: "large", name: "Large" },
        ],
      },
    ],
  }))
  .onRequest(methods.agent.session.setConfigOption, ({ params }) => {
    if (params.value !== "large") throw RequestError.invalidParams({ known: ["small", "large"] });
    model = "large";
    return { configOptions: [] };
  })
  .onNotification(methods.agent.session.cancel, () => cancelled.resolve())
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const { sessionId } = params;
    const say = (text: string, messageId = "m1"): Promise<void> =>
      client.notify(methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: "agent_message_chunk", messageId, content: { type: "text", text } },
      });
    switch (manner) {
      case "refuses":
        throw RequestError.internalError({ details: "the model is gone" });
      case "dies":
        await say("so far");
        console.error("out of memory");
        return process.exit(3);
      case "waits":
        await say("waiting");
        await cancelled.promise;
        return { stopReason: "cancelled" as const };
      case "deaf":
        await say("waiting");
        return new Promise<never>(() => {});
      case "large":
        await say(`${"drop ".repeat(200_000)}\u2028`);
        return { stopReason: "end_turn" as const };
      case "model":
        await say(model);
        return { stopReason: "end_turn" as const };
      case "curious":
        await say(await refusals(client, sessionId));
        return { stopReason: "end_turn" as const };
    }
    await say("I will ");
    await say("write.");
    await client.notify(methods.client.session.update, {
      sessionId,
      update: { sessionUpdate: "tool_call", toolCallId: "t1", title: "write", kind: "edit", status: "pending" },
    });
    const { outcome } = await client.request(methods.client.session.requestPermission, {
      sessionId,
      toolCall: { toolCallId: "t1" },
      options: [
        { optionId: "always", name: "Always", kind: "allow_always" },
        { optionId: "once", name: "Once", kind: "allow_once" },
        { optionId: "no", name: "No", kind: "reject_once" },
      ],
    });
    writeFileSync("note.txt", JSON.stringify({ prompt: params.prompt, outcome }));
    await say("Done: ", "m2");
    await say("wrote it 🌧\u2028.", "m2");
    const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
    return { stopReason: "end_turn" as const, usage };
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  );

/** What a client says that lends neither its files nor its terminals. */
async function refusals(client: AgentContext, sessionId: string): Promise<string> {
  const asked = [
    () => client.request(methods.client.fs.readTextFile, { sessionId, path: "/etc/passwd" }),
    () => client.request(methods.client.fs.writeTextFile, { sessionId, path: "/tmp/x", content: "x" }),
    () => client.request(methods.client.terminal.create, { sessionId, command: "id" }),
  ];
  const codes: unknown[] = [];
  for (const each of asked) {
    codes.push(
      await each().then(
        () => "lent",
        (error: unknown) => (error as { code?: unknown }).code,
      ),
    );
  }
  return codes.join(" ");
}
