import type { BanataEvent } from '@banata-boxes/sdk';
import { plainText } from '../output.ts';

const WIDTH = 100;

/** Tells agent events in lines for people; what a model says is shown as plain text only. */
export class EventNarrator {
  readonly #seen = new Set<string>();

  /** @returns undefined for events that tell nothing new. */
  line(event: BanataEvent): string | undefined {
    switch (event.type) {
      case 'sandbox.agent.task.running':
        return 'agent started';
      case 'sandbox.agent.part':
        return this.#part(event.data.part);
      case 'sandbox.agent.status':
        return event.data.message === null ? undefined : short(`agent: ${event.data.message}`);
      case 'sandbox.agent.task.report':
        return short(`report: ${event.data.report.result}`);
      default:
        return undefined;
    }
  }

  #part(part: Extract<BanataEvent, { type: 'sandbox.agent.part' }>['data']['part']): string | undefined {
    if (part.type === 'tool') {
      if (part.status === 'pending' || part.status === 'running') return undefined;
      if (!this.#isNew(part.id)) return undefined;
      const mark = part.status === 'error' ? '✗' : '⚙';
      return short(`${mark} ${part.tool} ${inputText(part.input)}`);
    }
    if (part.type !== 'text' || plainText(part.text) === '' || !this.#isNew(part.id)) return undefined;
    return short(`“${plainText(part.text)}”`);
  }

  #isNew(id: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    return true;
  }
}

/** The fields of the usual tools that say most; of a file that is written the name, not the content. */
const TELLING_FIELDS = ['filePath', 'url', 'description', 'command', 'pattern', 'query'];

function inputText(input: unknown): string {
  if (typeof input !== 'object' || input === null) return '';
  const fields = new Map<string, unknown>(Object.entries(input));
  const telling = TELLING_FIELDS.map((name) => fields.get(name)).find((value) => typeof value === 'string');
  return typeof telling === 'string' ? telling : '';
}

function short(text: string): string {
  const plain = plainText(text);
  return plain.length > WIDTH ? `${plain.slice(0, WIDTH - 1)}…` : plain;
}
