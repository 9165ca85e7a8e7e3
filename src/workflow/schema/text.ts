import { z } from "zod";
import { RESERVED_WORDS } from "../names.ts";

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Moments are compared as text, which ends with the year 9999. */
export const LONGEST = 3_650 * UNITS.d;

/** `90s`, `15m`, `2h`, `1d`: one number, one unit, never zero. */
export const duration = timeText(/^[1-9][0-9]{0,6}[smhd]$/);

/** The same of simulated time, which may stand still: `0s`. */
export const span = timeText(/^(?:0|[1-9][0-9]{0,8})[smhd]$/);

/** How long a thing takes that may never end by itself. */
export const spanOrNever = timeText(/^(?:never|(?:0|[1-9][0-9]{0,8})[smhd])$/, ", or never");

function timeText(pattern: RegExp, more = ""): z.ZodString {
  return z
    .string({ error: ({ input }) => (typeof input === "number" ? `needs a unit: "${input}s"` : undefined) })
    .regex(pattern, {
      error: ({ input }) =>
        /^[0-9]+$/.test(String(input))
          ? `needs a unit: "${input}s"`
          : `must be a duration such as "90s", "15m" or "2h"${more}`,
    })
    .refine((text) => !(milliseconds(text) > LONGEST), { error: 'may be ten years at most: "3650d"' });
}

/** A checked duration in milliseconds. */
export function milliseconds(text: string): number {
  return Number(text.slice(0, -1)) * UNITS[text.at(-1) as keyof typeof UNITS];
}

export const workflowName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
  error: "must be lower-case letters, digits, _ and -, at most 64, and not begin with a sign",
});

/** A source of webhooks, as its path has it: `/hooks/<source>`. */
export const sourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
    error: "must be lower-case letters, digits, _ and -, at most 64, and not begin with a sign",
  })
  .refine((name) => name !== "github", { error: "cannot be github, which has a key of its own: on.github" });

export const phaseName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, {
    error: "must be letters, digits, _ and -, at most 64, and begin with a letter",
  })
  .refine((name) => !/_(?:fix|recheck|iter)_\d+(?:_retry|_check)?$/.test(name), {
    error: "ends like a name that loops make (_fix_1, _iter_1). Choose another",
  });

/** A name that programs use: of an environment variable, a secret, an output. */
export const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, {
  error: "must be letters, digits and _, at most 64, and not begin with a digit",
});

export const imageName = z.string().regex(/^[a-z0-9][A-Za-z0-9._/:@-]{0,254}$/, {
  error: "must be the name of an image, such as agents:latest or ghcr.io/acme/agents@sha256:…",
});

/** What it means is read where hosts are opened; here only what cannot be one is refused. */
export const hostName = z
  .string()
  .regex(/^(?:\*|(?:private:)?(?:\*\.)?(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[1-9][0-9]{0,4})?)$/, {
    error: "must be a host such as example.com, *.example.com or example.com:8443",
  });

/** A name of an author's own that templates and conditions read. */
export const ownName = identifier.refine((name) => !RESERVED_WORDS.has(name), {
  error: "is a word of the template or condition language. Choose another",
});

/** A variable of a program's environment that an author sets. */
export const variableName = identifier.refine((name) => !name.startsWith("LASTLIGHT_"), {
  error: "begins like the names that lastlight sets itself. Choose another",
});

export const condition = z.string().min(1);

export const positive = z.int().min(1);

/** A number, or where in the context to find it and what to take when it is not there. */
export const fromContext = z.union([positive, z.strictObject({ from: z.string(), default: positive })], {
  error: "must be a whole number of at least 1, or { from, default }",
});

/** Values handed on as they are. */
export const anyValue = z.record(z.string(), z.unknown());

/** A file below the working directory, never above it or beside it. */
export const relativePath = pathBelow("the working directory");

/** A prompt, from the folder of the workflow. */
export const promptPath = pathBelow("the workflow's folder");

/** A skill is a folder below `skills`, known by its name. */
export const skillName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, {
  error: "must be the name of a folder below skills: letters, digits, _ and -",
});

function pathBelow(where: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(255)
    .refine((path) => !path.startsWith("/") && !/[\0\\]/.test(path) && !path.split("/").includes(".."), {
      error: `must be a path below ${where}`,
    });
}
