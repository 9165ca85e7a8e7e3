import type { Register } from "../desk.ts";

/** Whose streams can be read. */
export const READABLE = ["pi", "agentic", "claude", "codex", "acp", "opencode", "gemini"] as const;

export const sessions: Register = (program, desk) => {
  program
    .command("sessions")
    .description("`translate` makes a session file of an agent's recorded stream")
    .command("translate")
    .description("print the lines of the session that an agent's stream makes, and on stderr what it came to")
    .argument("[file]", "what the agent printed; without it, stdin")
    .requiredOption("--runtime <name>", `whose stream it is: ${READABLE.join(", ")}`)
    .option("--cwd <path>", "where the agent worked", process.cwd())
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  lastlight sessions translate --runtime claude stream.jsonl > session.jsonl\n" +
        '  pi --mode json -p "say hello" | lastlight sessions translate --runtime pi',
    )
    .action(async (file: string | undefined, { runtime, cwd }: { runtime: string; cwd: string }) => {
      // Only now: no other command is to wait for seven languages to be read.
      const { translateStream } = await import("../translation.ts");
      return translateStream(desk, { runtime, file, cwd });
    });
};
