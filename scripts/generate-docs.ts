import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configurationPage } from './configuration-page.ts';
import { eventsPage } from './events-page.ts';

await writeFile(join(import.meta.dirname, '../docs/configuration.md'), configurationPage());
await writeFile(join(import.meta.dirname, '../docs/events.md'), eventsPage());
