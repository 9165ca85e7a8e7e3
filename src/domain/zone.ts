/** What the clocks on the walls of one place show, and when they are set. Moments are milliseconds since 1970, UTC. */
export interface Zone {
  /** How far the walls are ahead of UTC at a moment, in milliseconds. */
  offset(at: number): number;
  /** The first moment later than `after`, and not later than `until`, at which the walls are another way ahead; or null. */
  change(after: number, until: number): number | null;
}

const DAY_MS = 86_400_000;

/** Whether this machine knows a zone of that name; `+02:00` is a distance, not a place, and knows no summer. */
export function isZone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && formatOf(name) !== null;
}

/** Throws a RangeError for a name that is none. */
export function zoneOf(name: string): Zone {
  const format = formatOf(name);
  if (!format) throw new RangeError(`no time zone is called "${name}"`);

  function offset(at: number): number {
    const [, sign, hours, minutes, seconds = "0"] = OFFSET.exec(format!.format(at)) ?? [];
    if (hours === undefined) return 0;
    const ahead = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === "-" ? -ahead : ahead;
  }

  return {
    offset,
    change: (after, until) => {
      const before = offset(after);
      // By days: no place sets its clocks twice in one.
      for (let low = after; low < until; low += DAY_MS) {
        const high = Math.min(low + DAY_MS, until);
        if (offset(high) !== before) return firstOther(low, high, (at) => offset(at) !== before);
      }
      return null;
    },
  };
}

const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

function formatOf(name: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    return null;
  }
}

/** The first moment for which `isOther` holds, between one for which it does not and one for which it does. */
function firstOther(low: number, high: number, isOther: (at: number) => boolean): number {
  let [same, other] = [low, high];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (isOther(middle)) other = middle;
    else same = middle;
  }
  return other;
}
