import { defineConfig } from 'vitest/config';

const sources = ['packages/*/src/**', 'image/src/**', 'bench/src/**', 'scripts/**'];

/** What is about the host rather than about what runs in a box. */
const hostTests = ['packages/drivers/src/**/*.integration.test.ts', 'image/src/**/*.integration.test.ts'];

/** What a test waits for comes at once, but not on a machine that is busy with the others. */
const patient = { poll: { timeout: 20_000 } };

/**
 * `unit` needs nothing but Node. `database` needs root and PostgreSQL; its files mostly wait, so several run at a time.
 * `integration`, `host`, `e2e` and `security` need root, the sandbox image and Debian's packages, which `./banata test` sets
 * up. In all but `e2e` programs fight for the machine, so their files run one after the other.
 */
export default defineConfig({
  test: {
    // The security suite prints a line per case.
    disableConsoleIntercept: true,
    projects: [
      {
        test: {
          name: 'unit',
          expect: patient,
          include: sources.map((source) => `${source}/*.test.ts`),
          exclude: ['**/*.integration.test.ts', '**/node_modules/**'],
          // Other tests may run beside them, on two cores.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'database',
          expect: patient,
          globalSetup: ['packages/server/src/testing/postgres-setup.ts'],
          include: ['packages/server/src/**/*.integration.test.ts'],
          maxWorkers: 3,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          expect: patient,
          globalSetup: ['scripts/test-image.ts'],
          include: sources.map((source) => `${source}/*.integration.test.ts`),
          exclude: ['packages/server/**', ...hostTests, '**/node_modules/**'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'host',
          expect: patient,
          globalSetup: ['scripts/test-image.ts'],
          include: hostTests,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          expect: patient,
          include: ['tests/src/**/*-workflow.test.ts'],
          // Each file has an installation of its own and waits for it most of the time.
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'security',
          expect: patient,
          include: ['tests/src/security/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
