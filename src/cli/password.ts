import { password as ask, isCancel } from "@clack/prompts";
import { Fault } from "../domain/fault.ts";
import type { Desk } from "./desk.ts";

const MOST = 4_096;

/** A new password: typed twice where a person can type, else the first line of stdin. Never of the command line, which everybody sees. */
export async function readPassword({ io, terminal }: Desk): Promise<string> {
  if (!io.stdin.isTTY) return firstLine(io.stdin);
  if (!terminal.answers) throw new Fault("usage.invalid", "There is no terminal to ask for the password in");
  const once = await ask({ message: "Password" });
  const twice = isCancel(once) ? once : await ask({ message: "The same again" });
  if (isCancel(once) || isCancel(twice)) throw new Fault("usage.invalid", "No password was given");
  if (once !== twice) throw new Fault("usage.invalid", "The two are not the same");
  return once;
}

async function firstLine(stdin: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stdin.setEncoding("utf8")) {
    text += chunk;
    if (text.includes("\n") || text.length > MOST) break;
  }
  const [line = ""] = text.split(/\r?\n/);
  if (line === "") throw new Fault("usage.invalid", "The password is read from stdin, and there was none");
  return line;
}
