import { z } from 'zod';
import { ConfigError } from './config-error.ts';

/** Settings of what outlives sandboxes, and where it is kept. */
export const objectStoreSettings = {
  BANATA_S3_BUCKET: z
    .string()
    .min(3)
    .optional()
    .describe(
      'Bucket of an S3-compatible store that keeps artifacts and checkpoints. Default: the local disk, in BANATA_HOME.',
    ),
  BANATA_S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the store, such as that of R2 or MinIO. Default: Amazon’s for the region.'),
  BANATA_S3_PUBLIC_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address under which clients reach the store; goes into download links. Default: the same.'),
  BANATA_S3_REGION: z.string().default('us-east-1').describe('Region of the store; R2 calls it “auto”.'),
  BANATA_S3_ACCESS_KEY_ID: z
    .string()
    .optional()
    .describe('Key for the store. Default: what the machine’s role at Amazon allows.'),
  BANATA_S3_SECRET_ACCESS_KEY: z.string().optional().describe('The secret that belongs to it.'),
  BANATA_S3_PATH_STYLE: z
    .union([z.literal('auto'), z.stringbool()])
    .default('auto')
    .describe(
      'Bucket in the path instead of the host name: true, false, or auto (where an endpoint is set).',
    ),
  BANATA_S3_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9._-]+\/)*$/, 'folders of letters, digits, ".", "_" and "-", each ending in "/"')
    .default('')
    .describe('Put before every key in the bucket, such as banata/.'),
  BANATA_S3_PRESIGN: z
    .stringbool()
    .default(true)
    .describe('Whether download links lead to the store itself; otherwise downloads go through this server.'),
  BANATA_ARTIFACT_QUOTA_GIB: z.coerce
    .number()
    .min(0)
    .default(0)
    .describe('Most that the artifacts of an organization may hold, GiB. 0: no limit.'),
  BANATA_ARTIFACT_RETENTION_DAYS: z.coerce
    .number()
    .min(0)
    .default(0)
    .describe('Artifacts are deleted after this many days. 0: never.'),
};

/** A bucket of an S3-compatible store. */
export interface S3Config {
  bucket: string;
  endpoint: string | undefined;
  publicEndpoint: string | undefined;
  region: string;
  pathStyle: boolean;
  /** Undefined: those of the machine's role. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** Begins every key; empty, or ending in `/`. */
  prefix: string;
  /** Whether download links lead to the store itself. */
  presign: boolean;
}

/** What outlives sandboxes, and where it is kept. */
export interface ObjectStoreConfig {
  /** Undefined: objects are kept on the local disk. */
  s3: S3Config | undefined;
  artifacts: {
    /** Most bytes the artifacts of an organization may hold; 0: no limit. */
    quotaBytes: number;
    /** Artifacts older than this are deleted; 0: none. */
    retentionMs: number;
  };
}

const settingsSchema = z.object(objectStoreSettings);
type Settings = z.infer<typeof settingsSchema>;

/** @throws {ConfigError} where settings of S3 are given without those that belong to them. */
export function objectStoreConfig(s: Settings): ObjectStoreConfig {
  return {
    s3: s3Config(s),
    artifacts: {
      quotaBytes: Math.round(s.BANATA_ARTIFACT_QUOTA_GIB * 1024 ** 3),
      retentionMs: s.BANATA_ARTIFACT_RETENTION_DAYS * 24 * 3_600_000,
    },
  };
}

function s3Config(s: Settings): S3Config | undefined {
  const { BANATA_S3_ACCESS_KEY_ID: accessKeyId, BANATA_S3_SECRET_ACCESS_KEY: secretAccessKey } = s;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError(
      'BANATA_S3_ACCESS_KEY_ID and BANATA_S3_SECRET_ACCESS_KEY belong together: set both, or neither. See docs/artifacts.md.',
    );
  }
  if (s.BANATA_S3_BUCKET === undefined) {
    if (s.BANATA_S3_ENDPOINT === undefined && accessKeyId === undefined) return undefined;
    throw new ConfigError(
      'Settings of an S3 store are given, but no BANATA_S3_BUCKET. See docs/artifacts.md.',
    );
  }
  const { BANATA_S3_PATH_STYLE: pathStyle } = s;
  return {
    bucket: s.BANATA_S3_BUCKET,
    endpoint: s.BANATA_S3_ENDPOINT,
    publicEndpoint: s.BANATA_S3_PUBLIC_ENDPOINT,
    region: s.BANATA_S3_REGION,
    pathStyle: pathStyle === 'auto' ? s.BANATA_S3_ENDPOINT !== undefined : pathStyle,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey },
    prefix: s.BANATA_S3_PREFIX,
    presign: s.BANATA_S3_PRESIGN,
  };
}
