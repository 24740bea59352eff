import { writeFileSync } from 'node:fs';

/** What the daemon keeps and would start again: goes before the daemon, and after what people start. */
export const SERVICE_SCORE = 300;
const PROGRAM_SCORE = 500;

/**
 * Makes the kernel prefer a program over the daemon when the box is out of memory (proc_pid_oom_score_adj(5)). Its
 * children inherit it. Raising needs no capability; a program that ended meanwhile has nothing to raise.
 */
export function preferForOom(pid: number | undefined, score = PROGRAM_SCORE): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch {
    // Gone already, or a kernel without it, which has no killer either.
  }
}
