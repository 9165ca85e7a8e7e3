import type { Register } from "../desk.ts";
import type { Check } from "../examine.ts";
import { clean, type Style } from "../terminal.ts";

const MARKS: Record<Check["verdict"], readonly [string, Style]> = {
  good: ["ok   ", "green"],
  note: ["note ", "yellow"],
  wrong: ["WRONG", "red"],
};

export const doctor: Register = (program, desk) => {
  program
    .command("doctor")
    .description("look for what is missing or wrong on this machine, and say how to mend it")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: true }) => {
      const { terminal } = desk;
      // Only now: no other command is to wait for everything that is looked at here.
      const { examine } = await import("../examine.ts");
      const checks = await examine(desk);
      const ok = checks.every(({ verdict }) => verdict !== "wrong");
      if (!ok) desk.code(1);
      if (json) return terminal.json({ ok, checks });
      const widest = Math.max(...checks.map(({ what }) => what.length));
      for (const { what, verdict, found, remedy } of checks) {
        const [mark, style] = MARKS[verdict];
        terminal.line(`${terminal.paint(style, mark)}  ${what.padEnd(widest)}  ${clean(found)}`);
        if (remedy !== null) terminal.line(`${" ".repeat(widest + 9)}${clean(remedy)}`);
      }
    });
};
