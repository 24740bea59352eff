import type { SandboxSession } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { featuresOf } from './session-facts.ts';

/** What a sandbox has beside commands and files. */
export function FeatureTags({ session }: { session: SandboxSession }): ReactNode {
  const { browser, agent } = featuresOf(session);
  const tags = [...(browser ? ['browser'] : []), ...(agent ? ['agent'] : [])];
  return (
    <span className="flex gap-1.5">
      {tags.map((tag) => (
        <span key={tag} className="rounded-full border border-line bg-raised px-2 py-0.5 text-xs text-soft">
          {tag}
        </span>
      ))}
    </span>
  );
}
