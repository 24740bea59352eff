import type { CodeLanguage, Runtime } from '@banata/protocol/box';

/** How code of one language is run. */
export type CodeRun =
  | { from: 'stdin'; program: string; args: string[] }
  | {
      from: 'file';
      /** Name of the file the code is written to; its path becomes the last argument. */
      fileName: string;
      program: string;
      args: string[];
      /** Added to the environment. */
      env: Record<string, string>;
    };

/**
 * Says how to run code so that it behaves as if it lay in `workspace`, while nothing is written there.
 * Node and Bun look for packages from where the code lies, so they read it from standard input and take the
 * working directory for that place; Node then also finds out by itself whether it is a CommonJS or an ES module,
 * and strips types. Python looks in the script's folder first, and is told about the workspace.
 */
export function planCodeRun(language: CodeLanguage, runtime: Runtime, workspace: string): CodeRun {
  switch (language) {
    case 'javascript':
    case 'typescript':
      return runtime === 'bun'
        ? { from: 'stdin', program: 'bun', args: ['run', '-'] }
        : { from: 'stdin', program: 'node', args: ['-'] };
    case 'python':
      return {
        from: 'file',
        fileName: 'main.py',
        program: 'python3',
        args: [],
        env: { PYTHONPATH: workspace },
      };
    case 'bash':
      return { from: 'file', fileName: 'main.sh', program: '/bin/bash', args: [], env: {} };
    case 'go':
      return { from: 'file', fileName: 'main.go', program: 'go', args: ['run'], env: {} };
  }
}
