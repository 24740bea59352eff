import { z } from 'zod';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Settings of checkpoints and pauses. */
export const lastingSettings = {
  BANATA_CHECKPOINT_METHOD: z
    .enum(['auto', 'archive'])
    .default('auto')
    .describe(
      'How checkpoints are made: auto, by the driver where it can copy disks, or archive, by the sandbox itself packing its files into the object store.',
    ),
  BANATA_CHECKPOINTS_PER_SANDBOX: z.coerce
    .number()
    .int()
    .positive()
    .default(20)
    .describe('Checkpoints kept of one sandbox; the oldest goes when there is one more.'),
  BANATA_CHECKPOINT_DAYS: z.coerce
    .number()
    .min(0)
    .default(30)
    .describe('Days after which a checkpoint is deleted. 0: never.'),
  BANATA_CHECKPOINT_LOCAL_HOURS: z.coerce
    .number()
    .min(0)
    .default(24)
    .describe(
      'Hours that a checkpoint stays on the disk of the sandboxes after its last use, once it is in the object store. Restoring it is fastest from there.',
    ),
  BANATA_PAUSE_MEMORY_MINUTES: z.coerce
    .number()
    .min(0)
    .default(10)
    .describe(
      'Minutes that a paused sandbox keeps its memory. After that its state is on disk; docs/checkpoints.md says what survives.',
    ),
  BANATA_PAUSE_DAYS: z.coerce
    .number()
    .positive()
    .default(7)
    .describe('Days that a sandbox may be paused; then it is ended.'),
};

/** The same in the form the code uses. Times in ms. */
export interface LastingConfig {
  checkpoints: {
    method: 'auto' | 'archive';
    perSandbox: number;
    /** 0: no limit. */
    maxAgeMs: number;
    localMs: number;
  };
  pause: { toDiskMs: number; mostMs: number };
}

const schema = z.object(lastingSettings);

/** What the code uses, of settings that were checked. */
export function lastingConfig(s: z.output<typeof schema>): LastingConfig {
  return {
    checkpoints: {
      method: s.BANATA_CHECKPOINT_METHOD,
      perSandbox: s.BANATA_CHECKPOINTS_PER_SANDBOX,
      maxAgeMs: s.BANATA_CHECKPOINT_DAYS * day,
      localMs: s.BANATA_CHECKPOINT_LOCAL_HOURS * hour,
    },
    pause: { toDiskMs: s.BANATA_PAUSE_MEMORY_MINUTES * minute, mostMs: s.BANATA_PAUSE_DAYS * day },
  };
}
