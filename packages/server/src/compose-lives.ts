import type { createLimits } from './compose-limits.ts';
import type { BrowserKeepingParts } from './compose-browser-keeping.ts';
import type { Foundations } from './foundations.ts';
import type { Background } from './services/background.ts';
import { CheckpointContents } from './services/checkpoints/checkpoint-contents.ts';
import { Provisioner } from './services/sandboxes/provisioner.ts';
import { Returner } from './services/sandboxes/returner.ts';
import { Terminator } from './services/sandboxes/terminator.ts';

export interface LivesParts {
  limits: ReturnType<typeof createLimits>;
  background: Background;
  attach: (sandboxId: string) => Promise<void>;
  detach: (sandboxId: string) => Promise<void>;
  /** What browsers leave behind; asked for once everything is put together. */
  keeping: () => BrowserKeepingParts;
}

/** What makes sandboxes, brings them back and ends them. */
export function createLives(base: Foundations, { limits, keeping, ...parts }: LivesParts) {
  const { stores } = base;
  const { objects } = stores;
  const contents = new CheckpointContents({ ...base, ...stores, objects });
  const sampleLast = limits.usageSampler.sampleLast.bind(limits.usageSampler);
  const common = { ...base, ...parts, store: stores.sandboxes, tasks: stores.tasks, sampleLast };
  const terminator = new Terminator({ ...common, keepLast: (row) => keeping().keepLast(row) });
  const provisioner = new Provisioner({
    ...common,
    ...limits,
    contentsOf: (row, signal) => contents.of(row, signal),
    loadProfile: (row, signal) => keeping().profiles.load(row, signal),
  });
  const returner = new Returner({
    ...common,
    provisioner,
    terminator,
    keepRecordings: (row) => keeping().keepRecordings(row),
  });
  return { objects, contents, terminator, provisioner, returner };
}
