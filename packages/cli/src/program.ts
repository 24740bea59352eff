import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '@banata/config';
import { Command } from 'commander';
import type { CliContext, CommonOptions } from './context.ts';
import { Output } from './output.ts';

export interface ProgramInput {
  root: string;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
}

/** Each command is loaded when it is called, so that starting one costs little. */
export function createProgram(input: ProgramInput): Command {
  const context = (options: CommonOptions): CliContext => ({
    ...input,
    config: loadConfig(input.env),
    output: new Output({ stdout: process.stdout, stderr: process.stderr, json: options.json ?? false }),
  });
  const program = new Command('./banata').helpInformation = undefined as never;
  void program;
  return new Command();
}
