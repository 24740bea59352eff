import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContextService } from './code/contexts/service.ts';
import type { WorkPrograms } from './config.ts';
import type { DocumentsOptions, DocumentsService } from './documents/service.ts';
import type { LazyPart } from './http/router.ts';
import type { ProcessService } from './process/service.ts';
import type { Account, BoxEnvironment, BoxLogger } from './services.ts';
import type { TerminalService } from './terminal/service.ts';

export interface WorkPartsOptions {
  environment: BoxEnvironment;
  logger: BoxLogger;
  programs: WorkPrograms;
  /** Environment of the commands of an account. */
  commandEnv: (account: Account) => Record<string, string>;
  /** What is kept of each output stream of a process, bytes. */
  outputBytes: () => number;
  documents: Pick<DocumentsOptions, 'path' | 'enabled' | 'limits' | 'diskFull'>;
}

/** Background processes, contexts, terminals and documents: their code is loaded when they are first used. */
export class WorkParts {
  readonly lazyParts: LazyPart[];
  readonly #options: WorkPartsOptions;
  #processes: Promise<ProcessService> | undefined;
  #contexts: Promise<ContextService> | undefined;
  #terminals: Promise<TerminalService> | undefined;
  #documents: Promise<DocumentsService> | undefined;

  constructor(options: WorkPartsOptions) {
    this.#options = options;
    this.lazyParts = [
      { prefix: '/processes', load: async () => ({ ...(await this.#loadProcesses()), upgrades: [] }) },
      { prefix: '/contexts', load: async () => ({ ...(await this.#loadContexts()), upgrades: [] }) },
      { prefix: '/terminal', load: () => this.#loadTerminals() },
      { prefix: '/documents', load: async () => ({ ...(await this.#loadDocuments()), upgrades: [] }) },
    ];
  }

  /** Takes over the background processes that a daemon before this one started. */
  async open(): Promise<void> {
    if (existsSync(join(this.#options.environment.stateDir, 'processes'))) await this.#loadProcesses();
  }

  /** Makes the first conversion as fast as those after it. */
  async warmDocuments(): Promise<void> {
    await (await this.#loadDocuments()).warm();
  }

  /** Background processes go on; contexts, terminals and conversions end. */
  async stop(): Promise<void> {
    await Promise.all(
      [this.#processes, this.#contexts, this.#terminals, this.#documents].map(async (part) =>
        (await part)?.stop(),
      ),
    );
  }

  #loadProcesses(): Promise<ProcessService> {
    const { environment, logger, commandEnv, programs, outputBytes } = this.#options;
    this.#processes ??= import('./process/service.ts').then(async ({ createProcessService }) => {
      const { supervisor } = programs;
      const service = createProcessService({ environment, logger, commandEnv, supervisor, outputBytes });
      await service.open();
      return service;
    });
    return this.#processes;
  }

  #loadContexts(): Promise<ContextService> {
    const { environment, commandEnv, programs } = this.#options;
    this.#contexts ??= import('./code/contexts/service.ts').then(({ createContextService }) =>
      createContextService({ environment, commandEnv, kernels: programs.kernels }),
    );
    return this.#contexts;
  }

  #loadDocuments(): Promise<DocumentsService> {
    const { environment, logger, programs, documents } = this.#options;
    this.#documents ??= import('./documents/service.ts').then(({ createDocumentsService }) =>
      createDocumentsService({ environment, logger, command: programs.documents, ...documents }),
    );
    return this.#documents;
  }

  #loadTerminals(): Promise<TerminalService> {
    const { environment, commandEnv, logger } = this.#options;
    this.#terminals ??= import('./terminal/service.ts').then(
      (module) => new module.TerminalService({ environment, commandEnv, logger }),
    );
    return this.#terminals;
  }
}
