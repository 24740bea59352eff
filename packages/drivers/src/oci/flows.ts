import type { BoxFlow } from '../driver.ts';
import type { RunCommand } from './command.ts';

const SETS = ['sent', 'received', 'refused'] as const;
type FlowSet = (typeof SETS)[number];

/** The kernel remembers up to 32,768 flows per set, each about 200 characters long in nft's JSON. */
const MAX_LISTING_BYTES = 32 * 1024 * 1024;

interface Counted {
  key: string;
  bytes: number;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The counters in one JSON document of nft's. What is not a counted flow is left out. */
function parseSet(document: unknown): { name: string; counted: Counted[] } | undefined {
  if (!isObject(document) || !Array.isArray(document['nftables'])) return undefined;
  const set: unknown = document['nftables']
    .map((item) => (isObject(item) ? item['set'] : undefined))
    .find(isObject);
  if (!isObject(set) || typeof set['name'] !== 'string') return undefined;
  const elements = Array.isArray(set['elem']) ? (set['elem'] as unknown[]) : [];
  const counted = elements.flatMap((item) => {
    const elem = isObject(item) ? item['elem'] : undefined;
    if (!isObject(elem) || !isObject(elem['val']) || !isObject(elem['counter'])) return [];
    const { concat } = elem['val'];
    const { bytes } = elem['counter'];
    return Array.isArray(concat) && concat.length === 4 && typeof bytes === 'number'
      ? [{ key: concat.join(' '), bytes }]
      : [];
  });
  return { name: set['name'], counted };
}

function toFlow(key: string, allowed: boolean): BoxFlow | undefined {
  const [box = '', address = '', protocol, port] = key.split(' ');
  if (protocol !== 'tcp' && protocol !== 'udp') return undefined;
  return { box, address, port: Number(port), protocol, allowed, bytesSent: 0, bytesReceived: 0 };
}

/** Reads the flows out of nft's answers: one JSON document a line, one line a set. */
export function parseFlows(text: string): BoxFlow[] {
  const sets = new Map<string, Counted[]>();
  for (const line of text.split('\n').filter((item) => item !== '')) {
    const set = parseSet(JSON.parse(line));
    if (set) sets.set(set.name, set.counted);
  }
  const of = (name: FlowSet): Counted[] => sets.get(name) ?? [];
  const passed = new Map<string, BoxFlow>();
  const flowOf = (key: string): BoxFlow | undefined => {
    const flow = passed.get(key) ?? toFlow(key, true);
    if (flow) passed.set(key, flow);
    return flow;
  };
  for (const { key, bytes } of of('sent')) {
    const flow = flowOf(key);
    if (flow) flow.bytesSent = bytes;
  }
  // What comes from outside unasked opens no flow: only answers are counted.
  for (const { key, bytes } of of('received')) {
    const flow = passed.get(key);
    if (flow) flow.bytesReceived = bytes;
  }
  const refused = of('refused').flatMap(({ key, bytes }) => {
    const flow = toFlow(key, false);
    return flow ? [{ ...flow, bytesSent: bytes }] : [];
  });
  return [...passed.values(), ...refused];
}

/** Asks the kernel for the latest flows of an instance's boxes. */
export async function readFlows(table: string, run: RunCommand): Promise<BoxFlow[]> {
  // nft 1.0.6 finds only the last set of several in one call.
  const documents = await Promise.all(
    SETS.map((name) =>
      run('nft', ['-j', 'list', 'set', 'inet', table, name], { maxOutputBytes: MAX_LISTING_BYTES }),
    ),
  );
  return parseFlows(documents.join('\n'));
}
