/** Every line of the journal starts with its cursor, so that it is found without parsing the rest. */
const LINE_START = /^\{"cursor":(\d+),/;

/** Cursor of one line of the journal. */
export function lineCursor(line: string): number | undefined {
  const match = LINE_START.exec(line);
  return match ? Number(match[1]) : undefined;
}

const NAME = /^(\d{16})\.ndjson$/;

/** File name of the segment whose first entry has this cursor. */
export function segmentName(firstCursor: number): string {
  return `${String(firstCursor).padStart(16, '0')}.ndjson`;
}

/** First cursor of a segment by its file name; undefined for other files. */
export function segmentCursor(name: string): number | undefined {
  const match = NAME.exec(name);
  return match ? Number(match[1]) : undefined;
}

export interface WholeLines {
  /** Bytes up to the end of the last whole line. */
  length: number;
  /** Cursor of the last whole line, or one less than the segment's first. */
  lastCursor: number;
}

/**
 * Finds what of a segment is whole. A crash can leave a line cut short, or a file that is longer than what was
 * written, filled with zeros; everything from the first such line on is not part of the journal.
 */
export function wholeLines(content: Buffer, firstCursor: number): WholeLines {
  let length = 0;
  let lastCursor = firstCursor - 1;
  for (;;) {
    const end = content.indexOf(0x0a, length);
    if (end < 0) break;
    const line = content.toString('utf8', length, end);
    if (lineCursor(line) !== lastCursor + 1 || !isJson(line)) break;
    lastCursor += 1;
    length = end + 1;
  }
  return { length, lastCursor };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
