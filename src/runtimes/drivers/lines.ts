const LF = 0x0a;
const OPENING = 0x7b;

/**
 * Hands on lines as they are completed, without their ends; one longer than `most` bytes is passed over, and never held.
 * Only the byte 0x0A ends a line: U+2028 and its like stand inside of JSON.
 */
export function lines(most: number, each: (line: string) => void): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let size = 0;

  function hold(part: Buffer): void {
    size += part.length;
    if (size > most) held = [];
    else if (part.length > 0) held.push(part);
  }

  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      hold(chunk.subarray(from, end));
      if (size <= most) each(Buffer.concat(held).toString("utf8"));
      held = [];
      size = 0;
      from = end + 1;
    }
    hold(chunk.subarray(from));
  };
}

/** Writes JSON lines on, each with `first` put before what is in its object; lines of any length, none of them held. */
export function labelled(first: string, print: (bytes: Buffer) => void) {
  const label = Buffer.from(`{${first},`);
  let fresh = true;
  return {
    /** Whether a line has begun and not ended. */
    within: (): boolean => !fresh,
    write: (chunk: Buffer): void => {
      const parts: Buffer[] = [];
      for (let from = 0; from < chunk.length; ) {
        const end = chunk.indexOf(LF, from);
        const to = end < 0 ? chunk.length : end + 1;
        const labels = fresh && chunk[from] === OPENING;
        if (labels) parts.push(label);
        parts.push(chunk.subarray(labels ? from + 1 : from, to));
        fresh = end >= 0;
        from = to;
      }
      print(Buffer.concat(parts));
    },
  };
}
