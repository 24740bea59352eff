import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const TIMEOUT_MS = 60_000;
const MOST_BYTES = 256 * 1024 * 1024;

/** Runs the text of a module that may use what the server depends on. @returns what it prints. */
function inServer(script: string, { args, input }: { args: string[]; input?: Uint8Array }): Buffer {
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, ...args], {
    cwd: new URL('../../../packages/server', import.meta.url),
    maxBuffer: MOST_BYTES,
    timeout: TIMEOUT_MS,
    input: input ?? '',
  });
}

/** One statement in an installation's own database. */
export function changeDatabase(home: string, statement: string, values: unknown[]): void {
  const script = `
    import pg from 'pg';
    const [host, statement, values] = process.argv.slice(1);
    const client = new pg.Client({ host, user: 'postgres', database: 'banata' });
    await client.connect();
    await client.query(statement, JSON.parse(values));
    await client.end();`;
  inServer(script, { args: [join(home, 'postgres/socket'), statement, JSON.stringify(values)] });
}

/** The objects of a store, as one sees and changes them who has its key: beside the server. */
export class StoredObjects {
  readonly #env: Record<string, string>;

  /** @param env settings of a server that keeps its objects there. */
  constructor(env: Record<string, string>) {
    this.#env = env;
  }

  /** Key of the one object whose key has this in it. */
  find(part: string): string {
    const listing = `
      const { Contents = [] } = await client.send(new s3.ListObjectsV2Command({ Bucket: target.Bucket }));
      process.stdout.write(Contents.map((found) => found.Key).find((found) => found.includes(Key)) ?? '');`;
    const key = this.#ask(listing, part).toString();
    if (key === '') throw new Error(`the store has no object of ${part}`);
    return key;
  }

  get(key: string): Buffer {
    return this.#ask(
      'process.stdout.write(await (await client.send(new s3.GetObjectCommand(target))).Body.transformToByteArray());',
      key,
    );
  }

  put(key: string, content: Uint8Array): void {
    this.#ask(
      "const { buffer } = await import('node:stream/consumers');\nawait client.send(new s3.PutObjectCommand({ ...target, Body: await buffer(process.stdin) }));",
      key,
      content,
    );
  }

  remove(key: string): void {
    this.#ask('await client.send(new s3.DeleteObjectCommand(target));', key);
  }

  #ask(work: string, key: string, input: Uint8Array = new Uint8Array()): Buffer {
    const script = `
      import * as s3 from '@aws-sdk/client-s3';
      const [env, Key] = process.argv.slice(1);
      const { BANATA_S3_ENDPOINT, BANATA_S3_BUCKET, BANATA_S3_ACCESS_KEY_ID, BANATA_S3_SECRET_ACCESS_KEY } = JSON.parse(env);
      const credentials = { accessKeyId: BANATA_S3_ACCESS_KEY_ID, secretAccessKey: BANATA_S3_SECRET_ACCESS_KEY };
      const client = new s3.S3Client({ endpoint: BANATA_S3_ENDPOINT, region: 'us-east-1', forcePathStyle: true, credentials });
      const target = { Bucket: BANATA_S3_BUCKET, Key };
      ${work}
      client.destroy();`;
    return inServer(script, { args: [JSON.stringify(this.#env), key], input });
  }
}
