import { BoxContents } from '../services/artifacts/box-contents.ts';
import { ArtifactService } from '../services/artifacts.ts';
import { Staging } from '../services/artifacts/staging.ts';
import { Links } from '../services/links.ts';
import { Secrets } from '../services/secrets.ts';
import { ArtifactStore } from '../stores/artifact-store.ts';
import { EventStore } from '../stores/event-store.ts';
import { openObjectStore } from '../stores/objects/open-object-store.ts';
import type { ObjectStore } from '../stores/objects/object-store.ts';
import { SandboxStore } from '../stores/sandbox-store.ts';
import { TransferStore } from '../stores/transfer-store.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { seedSandbox } from './seed.ts';
import type { TestServer } from './test-server.ts';

/** The artifact service of a test server once more, for what the server does by itself: recordings, reports and the like. */
export interface ArtifactRig extends AsyncDisposable {
  artifacts: ArtifactService;
  store: ArtifactStore;
  staging: Staging;
  transfers: TransferStore;
  objects: ObjectStore;
  spool: ObjectStore | undefined;
  db: ReturnType<typeof openTestDatabase>;
  /** A sandbox that has ended, of the organization. */
  seedSandbox: (organizationId: string, artifactPrefix?: string) => Promise<string>;
}

export async function openArtifactRig(server: TestServer, database: TestDatabase): Promise<ArtifactRig> {
  const { config, composition } = server;
  const db = openTestDatabase(database);
  const events = new EventStore(db);
  const transfers = new TransferStore(db, events, config.instanceId);
  const sandboxStore = new SandboxStore(db, events);
  const { objects, spool } = await openObjectStore(config);
  const staging = new Staging({ objects, spool, transfers, home: config.home, now: Date.now });
  const { boxes, activity } = composition.upgrades;
  const store = new ArtifactStore(db, events, transfers);
  const artifacts = new ArtifactService({
    // Requests of callers go through the server.
    sandboxes: { find: noCallers, findWorking: noCallers },
    contents: new BoxContents(boxes, activity),
    store,
    findSandbox: (id) => sandboxStore.find(id),
    objects,
    staging,
    onTransfer: () => composition.objectTransfers.kick(),
    links: new Links(new Secrets(Buffer.from(database.secret, 'hex')), () => server.url, Date.now),
    ...config.artifacts,
    now: Date.now,
  });
  return {
    artifacts,
    store,
    staging,
    transfers,
    objects,
    spool,
    db,
    seedSandbox: async (organizationId, artifactPrefix) => {
      const id = await seedSandbox(db, organizationId);
      if (artifactPrefix !== undefined) {
        const capabilities = JSON.stringify({ storage: { artifactPrefix } });
        await db.updateTable('sandboxes').set({ capabilities }).where('id', '=', id).execute();
      }
      return id;
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}

function noCallers(): Promise<never> {
  return Promise.reject(new Error('only the server itself has callers'));
}
