import type { Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useState, type ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { AgentPanel } from '../agent/agent-panel.tsx';
import { useTranscript } from '../agent/use-transcript.ts';
import { HandoffPart } from '../handoff/handoff-part.tsx';
import { useOpenHandoff } from '../handoff/use-open-handoff.ts';
import { ArtifactsPanel } from '../files/artifacts-panel.tsx';
import { FilesPanel } from '../files/files-panel.tsx';
import { NetworkPanel } from '../network/network-panel.tsx';
import { CommandPanel } from './command-panel.tsx';
import { PreviewPanel } from './preview-panel.tsx';
import { featuresOf, takesWork } from './session-facts.ts';
import { SessionHeader } from './session-header.tsx';
import { TabPanel, Tabs } from './tabs.tsx';

type Tab = 'agent' | 'command' | 'files' | 'artifacts' | 'network';

interface Props {
  sandbox: Sandbox;
  session: SandboxSession;
  /** Why the session cannot be read at the moment. */
  problem: unknown;
}

/** Everything of one sandbox: the browser beside the agent, commands, files and artifacts. */
export function SandboxView({ sandbox, session, problem }: Props): ReactNode {
  const features = featuresOf(session);
  const live = useTranscript(sandbox);
  const handoff = useOpenHandoff(sandbox, session);
  const [tab, setTab] = useState<Tab>(features.agent ? 'agent' : 'command');
  const works = takesWork(session);
  const tabs: { id: Tab; label: string }[] = [
    ...(features.agent ? [{ id: 'agent' as const, label: 'Agent' }] : []),
    { id: 'command', label: 'Commands' },
    { id: 'files', label: 'Files' },
    { id: 'artifacts', label: 'Artifacts' },
    { id: 'network', label: 'Network' },
  ];

  return (
    <div className="flex flex-col gap-4">
      <SessionHeader sandbox={sandbox} session={session} />
      <ErrorNote error={problem} />
      <HandoffPart sandbox={sandbox} session={session} handoff={handoff} />
      <div className={features.browser ? 'grid items-start gap-4 lg:grid-cols-[3fr_2fr]' : ''}>
        {features.browser && <PreviewPanel sandbox={sandbox} session={session} />}
        <section className="flex h-[34rem] min-w-0 flex-col rounded-lg border border-line bg-panel lg:h-[calc(100dvh-11rem)] lg:min-h-96">
          <Tabs tabs={tabs} current={tab} onChange={setTab} />
          <TabPanel id="agent" current={tab}>
            <AgentPanel sandbox={sandbox} works={works} live={live} />
          </TabPanel>
          <TabPanel id="command" current={tab}>
            <CommandPanel sandbox={sandbox} works={works} />
          </TabPanel>
          <TabPanel id="files" current={tab}>
            <FilesPanel sandbox={sandbox} works={works} active={tab === 'files'} />
          </TabPanel>
          <TabPanel id="artifacts" current={tab}>
            <ArtifactsPanel sandbox={sandbox} active={tab === 'artifacts'} />
          </TabPanel>
          <TabPanel id="network" current={tab}>
            <NetworkPanel sandbox={sandbox} session={session} active={tab === 'network'} />
          </TabPanel>
        </section>
      </div>
    </div>
  );
}
