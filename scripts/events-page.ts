import { eventRegistry, type EventDefinition } from '@banata/protocol';

const INTRODUCTION = `# Events

Every change of a sandbox appends an event, in the same transaction as the change: an event never tells of something that did not happen, and nothing happens without its event.

\`\`\`json
{
  "id": "0x5n2q8c7b1m4v6z3l9k0j2h4g6f8d1s",
  "sandboxId": "k82g51hl3on646lel50o9f162t92xu7z",
  "seq": 7,
  "type": "sandbox.ready",
  "data": { "startupMs": 142 },
  "createdAt": 1775044800142
}
\`\`\`

## Reading them

- \`GET /v1/sandboxes/events?id=…\`: the events of one sandbox, in the order of \`seq\`, which counts from 1 without gaps. \`after\` is the last \`seq\` seen.
- \`GET /v1/events\`: the events of all sandboxes of the organization. Each carries a \`cursor\`; \`after\` is the last one seen. Filters: \`type\` (names divided by commas), \`sandboxId\`. \`order=desc\` lists the newest first.
- With \`Accept: text/event-stream\` both are streams of server-sent events with a heartbeat (a comment line) every 10 s. A client that reconnects with \`Last-Event-ID\` misses nothing and gets nothing twice. The stream of a sandbox begins at \`after\` (default: its first event), that of the organization at \`after\` (default: now).
- In the SDK \`sandbox.events()\` and \`banata.events.follow()\` follow them and pick broken streams up again; \`banata.events.list()\` reads pages.
- Webhooks push them: [webhooks.md](webhooks.md).

Going on after a cursor of \`GET /v1/events\` misses no event, however the transactions of several servers interleave: an event is listed once everything before it is settled. The order of events of one sandbox is the order in which they happened; between sandboxes it is that in which their transactions began to write. One long transaction in the database, also of another program in the same PostgreSQL, holds the list back while it lasts.

## Names

_High rate_ events come many times a second while an agent works; a webhook gets them only when it names them. _Reserved_ names are accepted in filters, but nothing in this version sends them.

This page is made from the registry in \`packages/protocol/src/event-registry.ts\` by \`node scripts/generate-docs.ts\`.
`;

/** `docs/events.md` as the registry has it now. */
export function eventsPage(): string {
  const events = Object.entries(eventRegistry) as [string, EventDefinition][];
  return [INTRODUCTION, ...events.map(([type, definition]) => eventText(type, definition))].join('\n');
}

function eventText(type: string, { gloss, example, rate, reserved }: EventDefinition): string {
  const marks = [rate === 'high' ? 'High rate.' : '', reserved ? 'Reserved.' : ''].filter(
    (mark) => mark !== '',
  );
  const note = marks.length === 0 ? '' : ` _${marks.join(' ')}_`;
  return `### \`${type}\`\n\n${gloss}${note}\n\n\`\`\`json\n${exampleText(example)}\n\`\`\`\n`;
}

/** As the formatter wants it: an array of one short text stands in one line, and so does one of one such array. */
function exampleText(example: unknown): string {
  const flat = JSON.stringify(example, null, 2).replaceAll(/\[\n\s+("[^"\n]*")\n\s+\]/g, '[$1]');
  return flat.replaceAll(/\[\n\s+(\["[^"\n]*"\])\n\s+\]/g, '[$1]');
}
