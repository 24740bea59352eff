import { ApiError, type DeletedOrganization, type Organization } from '@banata/protocol';
import type { OrganizationRow } from '../../database/tables/access.ts';
import type { Logger } from '../../logger.ts';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import { storableText } from '../../stores/text.ts';
import type { AccessService } from '../access.ts';
import type { Provisioner } from '../sandboxes/provisioner.ts';
import type { Terminator } from '../sandboxes/terminator.ts';
import { toOrganization } from './views.ts';

/** Sandboxes that are ended at once; each takes the host some work. */
const AT_ONCE = 4;

export interface OrganizationLivesDeps {
  organizations: OrganizationStore;
  access: AccessService;
  provisioner: Pick<Provisioner, 'cancel'>;
  terminator: Pick<Terminator, 'end'>;
  logger: Logger;
  now: () => number;
}

/** Suspending, resuming and deleting organizations. */
export class OrganizationLives {
  readonly #deps: OrganizationLivesDeps;

  constructor(deps: OrganizationLivesDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} ORGANIZATION_NOT_FOUND, CONFLICT for the operator's own. */
  async suspend(id: string, reason: string | undefined): Promise<Organization> {
    const { organizations, access, now } = this.#deps;
    await this.#requireTenant(id, 'suspended');
    const text = reason === undefined ? null : storableText(reason);
    const row = await organizations.suspend(id, { reason: text, now: now() });
    if (!row) throw new ApiError('ORGANIZATION_NOT_FOUND');
    access.forgetKeys();
    await this.endSandboxes(id);
    return toOrganization(row);
  }

  /** @throws {ApiError} ORGANIZATION_NOT_FOUND. */
  async resume(id: string): Promise<Organization> {
    const row = await this.#deps.organizations.resume(id);
    if (!row) throw new ApiError('ORGANIZATION_NOT_FOUND');
    this.#deps.access.forgetKeys();
    return toOrganization(row);
  }

  /** @throws {ApiError} ORGANIZATION_NOT_FOUND, CONFLICT for the operator's own. */
  async remove(id: string): Promise<DeletedOrganization> {
    const { organizations, access, now } = this.#deps;
    await this.#requireTenant(id, 'deleted');
    if (!(await organizations.delete(id, now()))) throw new ApiError('ORGANIZATION_NOT_FOUND');
    access.forgetKeys();
    await this.endSandboxes(id);
    return { id, deleted: true };
  }

  /**
   * Ends the sandboxes of organizations that are suspended or deleted. Runs over and over beside the requests: a
   * sandbox may have been created at the same moment, or its server killed half-way.
   * @param organizationId only of this one. Default: of all.
   */
  async endSandboxes(organizationId?: string): Promise<void> {
    const found = await this.#deps.organizations.sandboxesToEnd();
    const left = found.filter((row) => organizationId === undefined || row.organizationId === organizationId);
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) await this.#end(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** Never rejects: what could not be ended now is taken up in the next round. */
  async #end({ id, deleted }: { id: string; deleted: boolean }): Promise<void> {
    const { provisioner, terminator, logger } = this.#deps;
    try {
      await provisioner.cancel(id);
      await terminator.end(id, `Ended: the organization was ${deleted ? 'deleted' : 'suspended'}.`);
    } catch (error) {
      logger.error(
        { event: 'organization.sandbox_not_ended', sandboxId: id, err: error },
        'a sandbox of a closed organization could not be ended',
      );
    }
  }

  async #requireTenant(id: string, change: string): Promise<OrganizationRow> {
    const row = await this.#deps.organizations.find(id);
    if (!row) throw new ApiError('ORGANIZATION_NOT_FOUND');
    if (row.operator) {
      throw new ApiError('CONFLICT', `The organization that runs this installation cannot be ${change}.`, {
        details: { suggestion: 'Name another organization.' },
      });
    }
    return row;
  }
}
