import type { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { type Config, readConfig } from "../config.ts";
import { type Clock, systemClock } from "../domain/clock.ts";
import type { Simulated, Simulation } from "../engine/simulation/simulate.ts";
import type { AddUser } from "../http/api.ts";
import type { Client } from "../http/client.ts";
import type { UserLine } from "../store/people.ts";
import { connect } from "./connect.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** What a process hands to the command line. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Runs the daemon until a signal ends it; `say` prints its one line. Resolves with the exit code. */
  readonly serve: (config: Config, version: string, say: (line: string) => void) => Promise<number>;
  /** Adds a person to a STATE_DIR that no daemon serves: one beyond loopback does not start before there is someone. */
  readonly addUser: (config: Config, user: AddUser) => Promise<UserLine>;
  /** Plays a scenario on an engine of its own. */
  readonly simulate: (of: Omit<Simulated, "phases" | "open">) => Promise<Simulation>;
}

/** What every command works with. Configuration and daemon are looked for when they are needed: help needs neither. */
export interface Desk {
  readonly io: Io;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly version: string;
  config(): Config;
  client(): Client;
  /** The exit code so far; with a number, what it is to be. */
  code(set?: number): number;
}

export function openDesk(io: Io): Desk {
  let code = 0;
  let config: Config | null = null;
  const desk: Desk = {
    io,
    terminal: openTerminal(io),
    clock: systemClock(),
    version: packageJson.version,
    config: () => {
      config ??= readConfig();
      return config;
    },
    client: () => connect(desk.config()),
    code: (set) => {
      code = set ?? code;
      return code;
    },
  };
  return desk;
}

/** A command: it declares itself on the program, and finds what it needs on the desk. */
export type Register = (program: Command, desk: Desk) => void;
