import type { Scope } from '@banata/protocol';
import type { ReactNode } from 'react';
import { may } from '../shell/may.ts';
import { settingsHref, type SettingsPart } from '../shell/route.ts';
import { useServer } from '../shell/server-context.ts';
import { KeysPanel } from './keys-panel.tsx';
import { PeoplePanel } from './people-panel.tsx';
import { WebhooksPanel } from './webhooks-panel.tsx';

const PARTS: Record<SettingsPart, { label: string; scope: Scope; panel: () => ReactNode }> = {
  keys: { label: 'API keys', scope: 'api_keys:manage', panel: KeysPanel },
  webhooks: { label: 'Webhooks', scope: 'webhooks:manage', panel: WebhooksPanel },
  people: { label: 'People', scope: 'organization:manage', panel: PeoplePanel },
};
const ORDER = Object.keys(PARTS) as SettingsPart[];

/** Keys, webhooks and people of the organization. */
export function SettingsPage({ part }: { part: SettingsPart }): ReactNode {
  const { identity } = useServer();
  const { label, scope, panel: PartPanel } = PARTS[part];
  return (
    <div className="flex flex-col gap-5">
      <h1 className="text-xl font-semibold">Settings of {identity.organization.name}</h1>
      <nav aria-label="Settings" className="flex gap-1 overflow-x-auto border-b border-line">
        {ORDER.map((name) => (
          <a
            key={name}
            href={settingsHref(name)}
            aria-current={name === part ? 'page' : undefined}
            className="-mb-px border-b-2 border-transparent px-3 py-1.5 text-sm whitespace-nowrap text-soft -outline-offset-2 hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink"
          >
            {PARTS[name].label}
          </a>
        ))}
      </nav>
      {may(identity, scope) ? (
        <PartPanel />
      ) : (
        <p className="rounded-lg border border-dashed border-line px-6 py-10 text-center text-sm text-soft">
          {label} need the scope <code className="text-ink">{scope}</code>, which{' '}
          {identity.user ? `the role ${identity.user.role}` : 'this key'} does not have. Ask an owner of the
          organization.
        </p>
      )}
    </div>
  );
}
