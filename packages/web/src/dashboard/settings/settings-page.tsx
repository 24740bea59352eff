import type { Scope } from '@banata/protocol';
import { useEffect, useRef, type ReactNode } from 'react';
import { may } from '../shell/may.ts';
import { settingsHref, type SettingsPart } from '../shell/route.ts';
import { useServer } from '../shell/server-context.ts';
import { AuditPanel } from './audit/audit-panel.tsx';
import { KeysPanel } from './keys-panel.tsx';
import { ModelKeysPanel } from './models/model-keys-panel.tsx';
import { OrganizationsPanel } from './organizations/organizations-panel.tsx';
import { PeoplePanel } from './people-panel.tsx';
import { UsagePanel } from './usage/usage-panel.tsx';
import { WebhooksPanel } from './webhooks-panel.tsx';

interface Part {
  label: string;
  scope: Scope;
  panel: () => ReactNode;
  /** Only for the organization that runs the installation. */
  operator?: true;
}

const PARTS: Record<SettingsPart, Part> = {
  keys: { label: 'API keys', scope: 'api_keys:manage', panel: KeysPanel },
  models: { label: 'Model keys', scope: 'organization:manage', panel: ModelKeysPanel },
  webhooks: { label: 'Webhooks', scope: 'webhooks:manage', panel: WebhooksPanel },
  people: { label: 'People', scope: 'organization:manage', panel: PeoplePanel },
  usage: { label: 'Usage', scope: 'org:billing', panel: UsagePanel },
  audit: { label: 'Audit log', scope: 'audit:read', panel: AuditPanel },
  organizations: {
    label: 'Organizations',
    scope: 'organizations:manage',
    panel: OrganizationsPanel,
    operator: true,
  },
};
const ORDER = Object.keys(PARTS) as SettingsPart[];

/** Keys, webhooks, people, usage and audit log of the organization; for the operator all organizations. */
export function SettingsPage({ part }: { part: SettingsPart }): ReactNode {
  const { identity } = useServer();
  const present = useRef<HTMLAnchorElement>(null);
  // On phones not all of them are in sight.
  useEffect(() => {
    // In braces: newer browsers return a promise here, which React would take for a clean-up.
    present.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [part]);
  const { label, scope, operator, panel: PartPanel } = PARTS[part];
  return (
    <div className="flex flex-col gap-5">
      <h1 className="text-xl font-semibold">Settings of {identity.organization.name}</h1>
      <nav aria-label="Settings" className="flex gap-1 overflow-x-auto border-b border-line">
        {ORDER.filter((name) => identity.operator || !PARTS[name].operator).map((name) => (
          <a
            key={name}
            ref={name === part ? present : null}
            href={settingsHref(name)}
            aria-current={name === part ? 'page' : undefined}
            className="-mb-px border-b-2 border-transparent px-3 py-1.5 text-sm whitespace-nowrap text-soft -outline-offset-2 hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink"
          >
            {PARTS[name].label}
          </a>
        ))}
      </nav>
      {may(identity, scope) && (identity.operator || !operator) ? (
        <PartPanel />
      ) : (
        <p className="rounded-lg border border-dashed border-line px-6 py-10 text-center text-sm text-soft">
          {label}: needs the scope <code className="text-ink">{scope}</code>
          {operator && ' in the organization that runs this installation'}, which{' '}
          {identity.user ? `the role ${identity.user.role}` : 'this key'} does not have. Ask{' '}
          {operator ? 'the operator' : 'an owner of the organization'}.
        </p>
      )}
    </div>
  );
}
