import { boxTerminalListSchema, type BoxTerminal } from '@banata/protocol/box';
import { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { Caller } from './access.ts';
import type { Links } from './links.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

const TIMEOUT_MS = 15_000;

/** Terminal sessions of a sandbox; the box keeps them, the gateway carries them. */
export class TerminalService {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #links: Links;

  constructor(sandboxes: SandboxService, boxes: Boxes, links: Links) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#links = links;
  }

  async link(
    caller: Caller,
    id: string,
    terminalId: string | undefined,
  ): Promise<{ url: string; expiresAt: number }> {
    const row = await this.#sandboxes.findWorking(caller, id);
    return this.#links.forTerminal(row.id, terminalId);
  }

  async list(caller: Caller, id: string): Promise<{ terminals: BoxTerminal[] }> {
    const row = await this.#sandboxes.findWorking(caller, id);
    const call = { method: 'GET', path: '/terminal/sessions', timeoutMs: TIMEOUT_MS } as const;
    return this.#boxes.json(row, boxTerminalListSchema, call);
  }

  async close(caller: Caller, id: string, terminalId: string): Promise<{ ok: true }> {
    const row = await this.#sandboxes.findWorking(caller, id);
    return this.#boxes.json(row, z.object({ ok: z.literal(true) }), {
      method: 'DELETE',
      path: `/terminal/sessions/${terminalId}`,
      timeoutMs: TIMEOUT_MS,
    });
  }
}
