import { expect, test } from 'vitest';
import { loadConfig } from './index.ts';

const bucket = { BANATA_S3_BUCKET: 'outputs' };
const key = { BANATA_S3_ACCESS_KEY_ID: 'id', BANATA_S3_SECRET_ACCESS_KEY: 'secret' };

test('without a bucket, objects are kept on the local disk, without limits', () => {
  const { s3, artifacts } = loadConfig({});
  expect([s3, artifacts]).toEqual([undefined, { quotaBytes: 0, retentionMs: 0 }]);
});

test('a bucket with an endpoint is addressed by path, one at Amazon by host', () => {
  const endpoint = { BANATA_S3_ENDPOINT: 'https://store.example:9000' };
  expect(loadConfig({ ...bucket, ...key, ...endpoint }).s3).toEqual({
    bucket: 'outputs',
    endpoint: 'https://store.example:9000',
    publicEndpoint: undefined,
    region: 'us-east-1',
    pathStyle: true,
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    prefix: '',
    presign: true,
  });
  expect(loadConfig(bucket).s3).toMatchObject({ pathStyle: false, credentials: undefined });
  expect(loadConfig({ ...bucket, ...endpoint, BANATA_S3_PATH_STYLE: 'false' }).s3?.pathStyle).toBe(false);
});

test.each([
  [{ ...bucket, BANATA_S3_ACCESS_KEY_ID: 'id' }, /belong together/],
  [key, /no BANATA_S3_BUCKET/],
  [{ BANATA_S3_ENDPOINT: 'https://store.example' }, /no BANATA_S3_BUCKET/],
  [{ ...bucket, BANATA_S3_ENDPOINT: 'store.example' }, /BANATA_S3_ENDPOINT=/],
  [{ ...bucket, BANATA_S3_PREFIX: 'no-slash' }, /BANATA_S3_PREFIX=/],
  [{ BANATA_ARTIFACT_QUOTA_GIB: '-1' }, /BANATA_ARTIFACT_QUOTA_GIB=/],
])('%j is refused', (env, message) => {
  expect(() => loadConfig(env)).toThrow(message);
});
