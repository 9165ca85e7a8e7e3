/** A line of a stream: where its first byte stands, and where the next line begins. */
export interface SourceLine {
  readonly start: number;
  readonly next: number;
  /** Without its LF; what is not UTF-8 is replaced, and what is too long to keep is left out. */
  readonly text: string;
}

/** Cuts bytes that arrive in pieces into lines: at 0x0A alone, whatever else readers take for the end of one. */
export interface LineCutter {
  feed(bytes: Uint8Array): SourceLine[];
  /** The last line, where no LF ends it. */
  rest(): SourceLine | null;
}

const LINE_FEED = 0x0a;
const LONGEST = 67_108_864;
/** One for all lines: each is taken whole, and leaves nothing in it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Keeps at most `longest` bytes of a line. */
export function lineCutter(longest = LONGEST): LineCutter {
  let start = 0;
  let length = 0;
  let pieces: Uint8Array[] = [];
  let kept = 0;

  function keep(bytes: Uint8Array): void {
    length += bytes.length;
    const piece = bytes.subarray(0, longest - kept);
    if (piece.length > 0) pieces.push(piece);
    kept += piece.length;
  }

  function take(ended: number): SourceLine {
    // One piece needs no state kept between pieces, and most lines are one: that is more than twice as fast.
    const [only] = pieces;
    const text =
      pieces.length === 1
        ? decoder.decode(only)
        : pieces.map((each) => decoder.decode(each, { stream: true })).join("") + decoder.decode();
    const line = { start, next: start + length + ended, text };
    start = line.next;
    length = 0;
    pieces = [];
    kept = 0;
    return line;
  }

  return {
    feed: (bytes) => {
      const lines: SourceLine[] = [];
      let at = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
        keep(bytes.subarray(at, end));
        lines.push(take(1));
        at = end + 1;
      }
      // Its own copy: whoever reads may read into the same bytes again. A Buffer's `slice` would be none.
      if (at < bytes.length) keep(new Uint8Array(bytes.subarray(at)));
      return lines;
    },
    rest: () => (length > 0 ? take(0) : null),
  };
}
