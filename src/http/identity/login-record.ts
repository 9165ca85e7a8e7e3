import type { Context } from "hono";
import { asFault } from "../../domain/fault.ts";
import type { Log } from "../../engine/contracts/log.ts";
import type { People, UserLine } from "../../store/people.ts";
import type { Env } from "../route.ts";
import type { Attempts } from "./attempts.ts";

/** Sees to it that a try to log in is recorded, whatever comes of it. */
export type LoginRecord = (c: Context<Env>, subject: string, logIn: () => Promise<UserLine>) => Promise<UserLine>;

const NAME_LENGTH = 64;

export function loginRecord({ people, attempts, log }: { people: People; attempts: Attempts; log: Log }): LoginRecord {
  return async (c, subject, logIn) => {
    const { address, agent } = c.get("arrival");
    const note = async (who: string, outcome: string): Promise<void> => {
      const entry = { who, what: "log in", subject: subject.slice(0, NAME_LENGTH), address, agent, outcome };
      await people.record(entry).catch((error: unknown) => {
        log.error({ err: error, who }, "the audit took no row");
      });
    };
    try {
      const user = await logIn();
      await note(`user:${user.name}`, "ok");
      return user;
    } catch (error) {
      // A stranger is not to fill the disk with failures.
      if (await attempts.noted(address)) await note("nobody", asFault(error).code);
      throw error;
    }
  };
}
