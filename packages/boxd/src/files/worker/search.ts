import type { FileEntry, GrepMatch } from '@banata/protocol/box';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeAll } from './entries.ts';
import { FileError } from './file-error.ts';
import type { Ripgrep } from './ripgrep.ts';

/** Longest text of a line that is answered. */
const MAX_LINE_CHARS = 1000;
const EVERYTHING = ['--hidden', '--no-ignore'];

interface Where {
  /** Directory (for text also a file) to look in. */
  path: string;
  limit: number;
  signal: AbortSignal;
}

/** Files below a directory whose path from there matches, by path; hidden and ignored ones too. */
export async function findFiles(
  ripgrep: Ripgrep,
  { pattern, ...where }: Where & { pattern: string },
): Promise<{ entries: FileEntry[]; truncated: boolean }> {
  if (pattern.startsWith('/')) {
    throw new FileError(
      400,
      'INVALID_PATTERN',
      'pattern: is relative to path; leave the slash at its start out',
    );
  }
  if (!(await stat(where.path)).isDirectory()) {
    throw new FileError(400, 'NOT_A_DIRECTORY', `${where.path} is not a directory`);
  }
  const found: string[] = [];
  // With a slash in front, ripgrep takes it for a path from the start, as a shell would, and not for a name anywhere.
  const args = ['--files', '--null', '--sort=path', ...EVERYTHING, `--glob=/${pattern}`];
  const complete = await ripgrep.run({
    args,
    cwd: where.path,
    separator: '\0',
    signal: where.signal,
    onRecord: (record) => {
      if (found.length === where.limit) return false;
      found.push(join(where.path, record.toString()));
      return true;
    },
  });
  return { entries: await describeAll(found), truncated: !complete };
}

export interface GrepQuery {
  pattern: string;
  /** The pattern is plain text. */
  fixed: boolean;
  ignoreCase: boolean;
  /** Glob of ripgrep for the files to look at. */
  include: string | null;
  /** Whether files and folders whose names begin with a dot are looked at. */
  hidden: boolean;
  /** Whether what .gitignore and the like name is looked at. */
  ignored: boolean;
}

/** Lines that match a regular expression (of Rust's crate regex, which takes linear time), by path and line. */
export async function findText(
  ripgrep: Ripgrep,
  { query, ...where }: Where & { query: GrepQuery },
): Promise<{ matches: GrepMatch[]; truncated: boolean }> {
  await stat(where.path);
  const matches: GrepMatch[] = [];
  const complete = await ripgrep.run({
    args: [
      '--json',
      '--sort=path',
      ...(query.hidden ? ['--hidden'] : []),
      ...(query.ignored ? ['--no-ignore'] : []),
      ...(query.fixed ? ['--fixed-strings'] : []),
      ...(query.ignoreCase ? ['--ignore-case'] : []),
      ...(query.include === null ? [] : [`--glob=${query.include}`]),
      `--regexp=${query.pattern}`,
      '--',
      where.path,
    ],
    cwd: '/',
    separator: '\n',
    signal: where.signal,
    onRecord: (record) => {
      const match = toMatch(record);
      if (!match) return true;
      if (matches.length === where.limit) return false;
      matches.push(match);
      return true;
    },
  });
  return { matches, truncated: !complete };
}

/** Text as ripgrep's JSON has it: base64 where it is no UTF-8. */
type JsonText = { text: string } | { bytes: string };

interface JsonMatch {
  type: string;
  data: {
    path: JsonText;
    lines: JsonText;
    line_number: number;
    submatches: { start: number; end: number }[];
  };
}

/** @see https://docs.rs/grep-printer/latest/grep_printer/struct.JSON.html */
function toMatch(record: Buffer): GrepMatch | undefined {
  if (!record.includes('"type":"match"')) return undefined;
  const { type, data } = JSON.parse(record.toString()) as JsonMatch;
  if (type !== 'match') return undefined;
  const line = textOf(data.lines).replace(/\r?\n$/, '');
  const first = data.submatches[0];
  return {
    path: textOf(data.path),
    line: data.line_number,
    column: (first?.start ?? 0) + 1,
    text: line.slice(0, MAX_LINE_CHARS),
    truncated: line.length > MAX_LINE_CHARS,
  };
}

function textOf(text: JsonText): string {
  return 'text' in text ? text.text : Buffer.from(text.bytes, 'base64').toString();
}
