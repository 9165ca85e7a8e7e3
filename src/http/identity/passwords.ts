import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { Fault } from "../../domain/fault.ts";

/** Hashes passwords and compares them, off the loop and a few at a time: each takes 16 MiB and a tenth of a second. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** With null, as for a name that nobody has, it takes as long and says no. Throws `identity.busy` when too many wait. */
  fits(password: string, hash: string | null): Promise<boolean>;
}

// OWASP's Password Storage Cheat Sheet, of its equally strong settings the one with 16 MiB.
const COST = { N: 16_384, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const LEAST = 12;
const MOST = 256;
const AT_ONCE = 2;
const WAITING = 64;

export function passwords(): Passwords {
  const queue: (() => void)[] = [];
  let busy = 0;

  async function derive(password: string, salt: Buffer, bytes: number, cost: ScryptOptions): Promise<Buffer> {
    if (queue.length >= WAITING) throw new Fault("identity.busy", "Too many are logging in at once");
    if (busy >= AT_ONCE) await new Promise<void>((resolve) => void queue.push(resolve));
    else busy++;
    try {
      return await new Promise((resolve, reject) =>
        // One spelling of what is typed alike: keyboards differ in how they compose an é.
        scrypt(password.normalize("NFKC"), salt, bytes, cost, (error, key) => (error ? reject(error) : resolve(key))),
      );
    } finally {
      const next = queue.shift();
      if (next) next();
      else busy--;
    }
  }

  return {
    hash: async (password) => {
      const length = [...password].length;
      if (length < LEAST || length > MOST || !password.isWellFormed()) {
        throw new Fault("password.unfit", `A password has ${LEAST} to ${MOST} characters; this one has ${length}`);
      }
      const salt = randomBytes(SALT_BYTES);
      const key = await derive(password, salt, HASH_BYTES, COST);
      return ["scrypt", COST.N, COST.r, COST.p, salt.toString("base64url"), key.toString("base64url")].join("$");
    },
    fits: async (password, hash) => {
      const { salt, key, cost } = (hash === null ? null : read(hash)) ?? NOBODY;
      const given = await derive(password.slice(0, MOST * 2), salt, key.length, cost);
      return timingSafeEqual(given, key) && hash !== null;
    },
  };
}

interface Kept {
  readonly salt: Buffer;
  readonly key: Buffer;
  readonly cost: { readonly N: number; readonly r: number; readonly p: number };
}

const NOBODY: Kept = { salt: Buffer.alloc(SALT_BYTES), key: Buffer.alloc(HASH_BYTES), cost: COST };

function read(hash: string): Kept | null {
  const [, N, r, p, salt, key] =
    /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,64})\$([\w-]{32,128})$/.exec(hash) ?? [];
  if (salt === undefined || key === undefined) return null;
  return {
    salt: Buffer.from(salt, "base64url"),
    key: Buffer.from(key, "base64url"),
    cost: { N: Number(N), r: Number(r), p: Number(p) },
  };
}
