import { test } from 'vitest';

const MAX_SHOWN = 140;

/**
 * A test of the security suite: prints one line that says what was tried and what happened.
 * @param work resolves to what happened; it throws when that must not be.
 */
export function securityCase(tried: string, work: () => Promise<string>, timeoutMs?: number): void {
  test(
    tried,
    async () => {
      const happened = oneLine(await work());
      process.stdout.write(`  ${tried}: ${happened}\n`);
    },
    timeoutMs,
  );
}

function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' | ');
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
}
