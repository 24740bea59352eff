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

type MakeContext = (options: CommonOptions) => CliContext;

const JSON_OPTION = ['--json', 'print one line of JSON on stdout and everything else on stderr'] as const;

/** The command line. Each command's code is loaded when it is called, so that starting one costs little. */
export function createProgram(input: ProgramInput): Command {
  const program = new Command('./banata').enablePositionalOptions();
  program.version(ownVersion(), '-V, --version', 'print the version');
  // Added before the commands, which inherit it.
  program.configureOutput({
    outputError: (message, write) =>
      write(`banata: ${message.replace(/^error: /, '')}  → Look at ./banata --help\n`),
  });
  program.helpInformation = () => readFileSync(join(import.meta.dirname, 'help.txt'), 'utf8');
  const makeContext: MakeContext = (options) => ({
    ...input,
    config: loadConfig(input.env),
    output: new Output({ stdout: process.stdout, stderr: process.stderr, json: options.json ?? false }),
  });
  addServerCommands(program, makeContext);
  addSandboxCommands(program, makeContext);
  addTerminalCommand(program, makeContext);
  addImageCommands(program, makeContext);
  addDevelopmentCommands(program, makeContext);
  return program;
}

function ownVersion(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function addServerCommands(program: Command, makeContext: MakeContext): void {
  program
    .command('up')
    .description('Set up what is missing, start the server and print its address and the first API key.')
    .option('-d, --detach', 'return when the server is ready; without, its log follows and Ctrl-C stops it')
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions & { detach?: boolean }) => {
      await (await import('./commands/up.ts')).up(makeContext(options), options);
    });
  program
    .command('down')
    .description('Stop server and database. Sandboxes go on running and the next `up` takes them over.')
    .option('--all', 'also end all sandboxes and remove network, mounts and pool; data and artifacts stay')
    .option('-y, --yes', 'do not ask')
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions & { all?: boolean; yes?: boolean }) => {
      await (await import('./commands/down.ts')).down(makeContext(options), options);
    });
  program
    .command('status')
    .description('What runs, where, and in which version.')
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions) => {
      await (await import('./commands/status.ts')).status(makeContext(options));
    });
  program
    .command('logs')
    .description('Print the end of the server’s log.')
    .option('-f, --follow', 'go on with what is added')
    .option('-n, --lines <count>', 'lines from the end', '200')
    .action(async (options: { follow?: boolean; lines: string }) => {
      await (await import('./commands/logs.ts')).logs(makeContext({}), options);
    });
}

function addSandboxCommands(program: Command, makeContext: MakeContext): void {
  program
    .command('quickstart')
    .description('Run the main job: an agent researches in a live browser and saves a report.')
    .option('--demo', 'a scripted model of the server instead of a real one: needs no key and no internet')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nWithout --demo the model comes from your environment, for example:\n  OPENROUTER_API_KEY=… OPENROUTER_MODEL=… ./banata quickstart',
    )
    .action(async (options: CommonOptions & { demo?: boolean }) => {
      await (await import('./commands/quickstart.ts')).quickstart(makeContext(options), options);
    });
  program
    .command('list')
    .description('List the sandboxes of this installation, newest first.')
    .option('-a, --all', 'ended and failed ones too')
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions & { all?: boolean }) => {
      await (await import('./commands/list.ts')).list(makeContext(options), options);
    });
  program
    .command('exec')
    .description('Run a command in a sandbox; ends with its exit code.')
    .argument('<id>', 'id of the sandbox')
    .argument('<command...>', 'the command, after --')
    .option('-u, --user <name>', 'user or root', 'user')
    .option('-w, --cwd <path>', 'folder (default: /workspace)')
    .option('-t, --timeout <seconds>', 'longest time', '60')
    .option('-i, --stdin', 'pass standard input on, once it has ended; without, the command has none')
    .option(...JSON_OPTION)
    .passThroughOptions()
    .addHelpText('after', '\nExample:\n  ./banata exec ID -- python3 -c "print(6 * 7)"')
    .action(
      async (
        id: string,
        command: string[],
        options: CommonOptions & { user: string; cwd?: string; timeout: string; stdin?: boolean },
      ) => {
        await (await import('./commands/exec.ts')).exec(makeContext(options), id, command, options);
      },
    );
}

function addTerminalCommand(program: Command, makeContext: MakeContext): void {
  program
    .command('terminal')
    .description('Join a terminal in a sandbox; Ctrl-] leaves, the session goes on.')
    .argument('<id>', 'id of the sandbox')
    .option('-s, --session <id>', 'attach to this session instead of starting one')
    .action(async (id: string, options: { session?: string }) => {
      await (await import('./commands/terminal.ts')).terminal(makeContext({}), id, options);
    });
}

function addImageCommands(program: Command, makeContext: MakeContext): void {
  const image = program.command('image').description('Build or export the sandbox image.');
  image
    .command('build')
    .description('Build what is missing of the sandbox image.')
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions) => {
      await (await import('./commands/image.ts')).build(makeContext(options));
    });
  image
    .command('export')
    .description('Write the image as an OCI tar that Docker and containerd can import.')
    .argument('<file>', 'file to write')
    .option(...JSON_OPTION)
    .action(async (file: string, options: CommonOptions) => {
      await (await import('./commands/image.ts')).exportTo(makeContext(options), file);
    });
}

function addDevelopmentCommands(program: Command, makeContext: MakeContext): void {
  program
    .command('test')
    .description('Run check, unit, integration and end-to-end tests in an installation of their own.')
    .option(
      '--all',
      'also the security suite, more rounds of faults, all of it in both isolation modes, and the benchmark',
    )
    .option(...JSON_OPTION)
    .action(async (options: CommonOptions & { all?: boolean }) => {
      await (await import('./commands/test.ts')).test(makeContext(options), options);
    });
  program
    .command('bench')
    .description('Measure in an installation of its own; start, exec and files side by side with Docker.')
    .argument('[scenario]', 'start, exec, files, documents, checkpoint, browser, isolation or agent', 'start')
    .option('-r, --runs <count>', 'runs of each kind', '20')
    .option(...JSON_OPTION)
    .action(async (scenario: string, options: CommonOptions & { runs: string }) => {
      await (await import('./commands/bench.ts')).bench(makeContext(options), scenario, options);
    });
}
