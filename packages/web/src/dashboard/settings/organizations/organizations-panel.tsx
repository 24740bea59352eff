import type { CreatedOrganization } from '@banata-boxes/sdk';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../../ui/button.tsx';
import { MoreButton } from '../../../ui/more-button.tsx';
import { useClient } from '../../shell/use-client.ts';
import { Panel } from '../panel.tsx';
import { ShownOnce } from '../shown-once.tsx';
import { OrganizationForm } from './organization-form.tsx';
import { OrganizationRow } from './organization-row.tsx';

const PAGE = 100;
const QUERY = ['organizations'];

/** All organizations, for who runs the installation. */
export function OrganizationsPanel(): ReactNode {
  const client = useClient();
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [fresh, setFresh] = useState<CreatedOrganization | null>(null);
  const list = useInfiniteQuery({
    queryKey: QUERY,
    queryFn: ({ signal, pageParam }) =>
      client.organizations.list({
        limit: PAGE,
        signal,
        ...(pageParam !== null && { cursor: pageParam }),
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  const plans = useQuery({ queryKey: ['plans'], queryFn: ({ signal }) => client.listPlans({ signal }) });
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? [];
  const changed = (): void => void queries.invalidateQueries({ queryKey: QUERY });
  const made = (created: CreatedOrganization): void => {
    setCreating(false);
    setFresh(created);
    changed();
  };

  return (
    <>
      <Panel
        title="Organizations"
        action={
          !creating && (
            <Button look="main" onClick={() => setCreating(true)}>
              New organization
            </Button>
          )
        }
        errors={[list.error, plans.error]}
        pending={list.isPending}
        empty={undefined}
        top={
          <>
            {fresh && (
              <ShownOnce
                title={`The first key of “${fresh.organization.name}”, and the invitation of ${fresh.owner.user.email}: hand both over, no mail is sent.`}
                secret={`${fresh.apiKey.key}\n${fresh.owner.invitation.url}`}
                onDone={() => setFresh(null)}
              />
            )}
            {creating && <OrganizationForm onMade={made} onCancel={() => setCreating(false)} />}
          </>
        }
      >
        {rows.map((organization) => (
          <OrganizationRow
            key={organization.id}
            organization={organization}
            plans={plans.data?.data ?? []}
            onChanged={changed}
          />
        ))}
      </Panel>
      <MoreButton label="More" query={list} />
    </>
  );
}
