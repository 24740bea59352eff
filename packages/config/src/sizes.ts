import { z } from 'zod';
import { ConfigError } from './config-error.ts';

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const mbit = 1_000_000;

/** What a sandbox gets of the machine, in the shape in which the driver takes it (`BoxLimits`). */
export interface SizeLimits {
  /** CPUs, fractions allowed. */
  cpus: number;
  /** Memory and swap together, bytes. */
  memoryBytes: number;
  /** Processes and threads together. */
  pids: number;
  /** System changes and /workspace together, bytes. */
  diskBytes: number;
  /** Files that one process may have open. */
  openFiles: number;
  /** Network traffic in each direction, bits per second; 0 for no limit. */
  networkBitsPerSecond: number;
  /** What is kept of each output stream of a command or background process. */
  outputBytes: number;
}

/** Bounds of what is kept of a stream, MiB. More would leave little of a disk to anything else. */
export const OUTPUT_MIB = { min: 1, max: 1024 };

/** Name of the size that is always there and that sandboxes get which ask for none. */
export const STANDARD_SIZE = 'standard';
/** What a size may be called. */
const SIZE_NAME = /^[a-z][a-z0-9-]{0,31}$/;

const sizeSchema = z.strictObject({
  cpus: z.number().positive().optional(),
  memoryGib: z.number().min(0.25).optional(),
  pids: z.number().int().min(64).optional(),
  diskGib: z.number().min(0.0625).optional(),
  openFiles: z.number().int().min(256).optional(),
  networkMbit: z.number().min(0).optional(),
  outputMib: z.number().int().min(OUTPUT_MIB.min).max(OUTPUT_MIB.max).optional(),
});

const sizesSchema = z.record(
  z.string().regex(SIZE_NAME, 'a name has small letters, digits and "-", at most 32'),
  sizeSchema,
);

/** The settings that sizes come from. */
interface SizeSettings {
  BANATA_SANDBOX_CPUS: number;
  BANATA_SANDBOX_MEMORY_GIB: number;
  BANATA_SANDBOX_PIDS: number;
  BANATA_SANDBOX_DISK_GIB: number;
  BANATA_SANDBOX_OPEN_FILES: number;
  BANATA_SANDBOX_NETWORK_MBIT: number;
  BANATA_SANDBOX_OUTPUT_MIB: number;
  BANATA_SIZES: string;
}

/**
 * Limits of the standard size, and all sizes by name, the standard one first. What another size leaves out is as in
 * the standard one.
 * @throws {ConfigError} saying what cannot be used, and what can.
 */
export function sizesOf(settings: SizeSettings): { limits: SizeLimits; sizes: Record<string, SizeLimits> } {
  const limits = {
    cpus: settings.BANATA_SANDBOX_CPUS,
    memoryBytes: Math.round(settings.BANATA_SANDBOX_MEMORY_GIB * gib),
    pids: settings.BANATA_SANDBOX_PIDS,
    diskBytes: Math.round(settings.BANATA_SANDBOX_DISK_GIB * gib),
    openFiles: settings.BANATA_SANDBOX_OPEN_FILES,
    networkBitsPerSecond: Math.round(settings.BANATA_SANDBOX_NETWORK_MBIT * mbit),
    outputBytes: settings.BANATA_SANDBOX_OUTPUT_MIB * mib,
  };
  const others = Object.entries(parseSizes(settings.BANATA_SIZES));
  const sizes = Object.fromEntries(others.map(([name, size]) => [name, limitsOf(size, limits)]));
  return { limits, sizes: { [STANDARD_SIZE]: limits, ...sizes } };
}

function parseSizes(text: string): z.infer<typeof sizesSchema> {
  if (text === '') return {};
  const parsed = sizesSchema.safeParse(json(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const names = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const place = [...(issue?.path ?? []), ...names].join('.');
    throw unusable(
      `${place === '' ? '' : `"${place}": `}${issue?.message ?? 'invalid'}. A size may have ${Object.keys(sizeSchema.shape).join(', ')}.`,
    );
  }
  if (STANDARD_SIZE in parsed.data) {
    throw unusable(
      `"${STANDARD_SIZE}" is what BANATA_SANDBOX_CPUS and its neighbours say. Choose another name.`,
    );
  }
  return parsed.data;
}

function unusable(message: string): ConfigError {
  return new ConfigError(`BANATA_SIZES: ${message} See docs/configuration.md.`);
}

function limitsOf(size: z.infer<typeof sizeSchema>, standard: SizeLimits): SizeLimits {
  return {
    cpus: size.cpus ?? standard.cpus,
    memoryBytes: size.memoryGib === undefined ? standard.memoryBytes : Math.round(size.memoryGib * gib),
    pids: size.pids ?? standard.pids,
    diskBytes: size.diskGib === undefined ? standard.diskBytes : Math.round(size.diskGib * gib),
    openFiles: size.openFiles ?? standard.openFiles,
    networkBitsPerSecond:
      size.networkMbit === undefined ? standard.networkBitsPerSecond : Math.round(size.networkMbit * mbit),
    outputBytes: size.outputMib === undefined ? standard.outputBytes : size.outputMib * mib,
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable('not JSON. Give an object such as {"large":{"cpus":4,"memoryGib":8}}.');
  }
}
