import { readFileSync } from "node:fs";
import {
  type AgentCapabilities,
  type ClientContext,
  client,
  methods,
  type NewSessionResponse,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
} from "@agentclientprotocol/sdk";
import { missing, type Started } from "../acp.ts";
import { type Child, EXIT, exit, onSignal, start } from "./child.ts";
import { labelled } from "./lines.ts";

/** Drives an agent over ACP: the prompt on stdin, both directions on stdout, a line of JSON each with `dir` first. */
async function drive(): Promise<number> {
  const prompt = readFileSync(0, "utf8");
  const started = JSON.parse(process.argv[2] ?? "") as Started;
  const [program = "", ...words] = started.command;
  const agent = await start([program], words);
  if (!agent) {
    const { missing: what, remedy } = missing(program);
    process.stderr.write(`${what}. ${remedy}\n`);
    return EXIT.missing;
  }
  const code = await conversation(agent, prompt, started);
  await agent.leave();
  return code;
}

function conversation(agent: Child, prompt: string, started: Started): Promise<number> {
  return new Promise((resolve) => {
    let cancelled = false;
    const over = (code: number): void => resolve(cancelled ? EXIT.cancelled : code);
    const cancelling = Promise.withResolvers<void>();
    onSignal(
      () => {
        cancelled = true;
        cancelling.resolve();
      },
      () => over(EXIT.cancelled),
    );
    let how = "";
    agent.gone.then((ended) => {
      how = ended;
      // Ends the connection, and with it whatever is still waited for, where a grandchild holds the pipe.
      agent.stdout.destroy();
    });
    // The only capability is none: files and terminals are the agent's own affair, inside its sandbox.
    client({ name: "lastlight" })
      .onRequest(methods.client.session.requestPermission, ({ params }) => ({
        outcome: permission(params.options, cancelled),
      }))
      .onNotification(methods.client.session.update, () => {})
      .connectWith(spoken(agent), (context) => turn(context, prompt, started, cancelling.promise))
      .then(
        () => over(EXIT.ended),
        // What an agent refuses is in the stream; what else goes wrong is not.
        async (error: unknown) => {
          if (error instanceof RequestError) return over(EXIT.ended);
          if (agent.stdout.closed) await agent.gone;
          process.stderr.write(
            how === "" ? `${(error as Error).message}\n` : `the agent ended without an answer to its prompt: ${how}\n`,
          );
          over(EXIT.died);
        },
      );
  });
}

async function turn(
  context: ClientContext,
  prompt: string,
  started: Started,
  cancelling: Promise<void>,
): Promise<void> {
  const { agentCapabilities } = await context.request(methods.agent.initialize, {
    protocolVersion: PROTOCOL_VERSION,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  });
  const session =
    (await takenUp(context, started.session, agentCapabilities)) ??
    (await context.request(methods.agent.session.new, { cwd: process.cwd(), mcpServers: [] }));
  const { sessionId } = session;
  for (const [category, value] of [
    ["model", started.model],
    ["thought_level", started.variant],
  ] as const) {
    if (value === null) continue;
    const option = (session.configOptions ?? []).find((each) => each.category === category);
    if (!option) throw new Error(`this agent lets nobody choose its ${category}; leave "${value}" out of the phase`);
    await context
      .request(methods.agent.session.setConfigOption, { sessionId, configId: option.id, value })
      .catch((error: Error) => {
        throw new Error(`the agent refuses the ${category} "${value}": ${error.message}`);
      });
  }
  cancelling.then(() => context.notify(methods.agent.session.cancel, { sessionId })).catch(() => {});
  await context.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text: prompt }] });
}

/** The session that is to be gone on with, where the agent can and still has it; null where a new one is to begin. */
async function takenUp(
  context: ClientContext,
  sessionId: string | null,
  { loadSession, sessionCapabilities }: AgentCapabilities = {},
): Promise<Pick<NewSessionResponse, "sessionId" | "configOptions"> | null> {
  const { resume, load } = methods.agent.session;
  // Without its history told again, where there is a choice.
  const how = sessionCapabilities?.resume ? resume : loadSession ? load : null;
  if (sessionId === null || how === null) return null;
  try {
    const taken = await context.request(how, { sessionId, cwd: process.cwd(), mcpServers: [] });
    return { ...taken, sessionId };
  } catch (error) {
    if (error instanceof RequestError) return null;
    throw error;
  }
}

interface Choice {
  readonly optionId: string;
  readonly kind: string;
}

/** Allowed, once: what an agent may do is decided by its sandbox, not by what it asks. */
function permission(options: readonly Choice[], cancelled: boolean) {
  const allowed =
    options.find(({ kind }) => kind === "allow_once") ?? options.find(({ kind }) => kind === "allow_always");
  if (cancelled || !allowed) return { outcome: "cancelled" as const };
  return { outcome: "selected" as const, optionId: allowed.optionId };
}

/** The agent's own stdin and stdout, all that goes through them written down: never one line within another. */
function spoken({ stdin, stdout }: Child) {
  const print = (bytes: Buffer): void => void process.stdout.write(bytes);
  const said: Buffer[] = [];
  const heard = labelled('"dir":"<"', print);
  const say = labelled('"dir":">"', print);
  const flush = (): void => {
    if (heard.within()) return;
    for (const each of said.splice(0)) say.write(each);
  };
  const input = ReadableStream.from(
    (async function* () {
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        heard.write(chunk);
        flush();
        yield new Uint8Array(chunk);
      }
    })(),
  );
  const output = new WritableStream<Uint8Array>({
    write: (bytes) => {
      said.push(Buffer.from(bytes));
      flush();
      stdin.write(bytes);
    },
  });
  return ndJsonStream(output, input, { maxMessageBytes: LARGEST_MESSAGE });
}

const LARGEST_MESSAGE = 64 * 1024 * 1024;

exit(await drive());
