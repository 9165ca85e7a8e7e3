import { asFault, type Fault } from "../../src/domain/fault.ts";
import type { House } from "./house.ts";
import type { Life } from "./life.ts";
import { SECOND } from "./spans.ts";

/** How people reach the daemon: doors may be closed, answers may not come, and then they ask again. */
export interface Doors {
  say<T>(
    words: string,
    ask: (life: Life) => Promise<T>,
    heard?: (value: T) => void,
    refused?: (fault: Fault) => void,
  ): void;
}

const AGAIN_MS = 45 * SECOND;

export function openDoors(house: House): Doors {
  const say: Doors["say"] = (words, ask, heard = () => {}, refused = () => {}) => {
    const again = (): void => {
      house.outside.after(AGAIN_MS, () => say(words, ask, heard, refused));
    };
    const { life } = house;
    if (!life || life.stopping()) {
      again();
      return;
    }
    let open = true;
    const close = (then: () => void): void => {
      if (!open || !life.alive()) return;
      open = false;
      then();
    };
    life.onEnd(() => {
      if (!open) return;
      open = false;
      again();
    });
    const accept = <T>(value: T, hear: (value: T) => void): void =>
      close(() => {
        house.chronicle.tell(`${words}: yes`);
        hear(value);
      });
    const refuse = (error: unknown): void =>
      close(() => {
        const fault = asFault(error);
        if (fault.code === "store.constraint") house.report("same", `${words}: ${fault.message}`);
        if (/^(store|disk)\./.test(fault.code)) {
          again();
          return;
        }
        house.chronicle.tell(`${words}: ${fault.code}`);
        if (fault.code === "internal.error") house.report("surprise", `${words}: ${String(fault.cause)}`);
        refused(fault);
      });
    ask(life).then((value) => accept(value, heard), refuse);
  };
  return { say };
}
