import { defineConfig } from 'vitest/config';

const sources = ['packages/*/src/**', 'image/src/**', 'bench/src/**', 'scripts/**'];

/**
 * `unit` needs nothing but Node. `integration`, `e2e` and `security` need root, the sandbox image and Debian's packages, which
 * `./banata test` sets up; their tests share the machine's two cores, so files run one after the other.
 */
export default defineConfig({
  test: {
    // The security suite prints a line per case.
    disableConsoleIntercept: true,
    projects: [
      {
        test: {
          name: 'unit',
          include: sources.map((source) => `${source}/*.test.ts`),
          exclude: ['**/*.integration.test.ts', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: ['scripts/test-image.ts'],
          include: sources.map((source) => `${source}/*.integration.test.ts`),
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/src/**/*-workflow.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'security',
          include: ['tests/src/security/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
