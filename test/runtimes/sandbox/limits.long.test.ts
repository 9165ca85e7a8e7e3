import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { keepsLimits } from "./exhaustion.ts";
import { CACHE } from "./world.ts";

const sandbox = bubblewrap({ path: process.env.PATH ?? "", cache: CACHE });
const availability = await sandbox.available();

keepsLimits(sandbox, "missing" in availability ? availability.missing : null);
