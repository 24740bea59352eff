import { type PromptOptions, SandboxAgent } from './agent.ts';
import { SandboxArtifacts } from './artifacts.ts';
import { DEFAULT_LAUNCH_MS, orEnd } from './bring-up.ts';
import { SandboxBrowser } from './browser.ts';
import { SandboxComputer } from './computer.ts';
import { type CheckpointOptions, SandboxCheckpoints } from './checkpoints.ts';
import { exec, type ExecOptions, runCode, type RunCodeOptions } from './commands.ts';
import { SandboxContexts } from './contexts.ts';
import { type ConvertOptions, SandboxDocuments } from './documents.ts';
import { SandboxFiles } from './files.ts';
import { followEvents } from './follow-events.ts';
import { type HandoffRequest, SandboxHandoff, type WaitForHandoffOptions } from './handoff.ts';
import { SandboxPorts } from './ports.ts';
import { SandboxNetwork } from './network.ts';
import { SandboxProfile } from './profiles.ts';
import { SandboxRecording } from './recording.ts';
import { SandboxProcesses } from './process.ts';
import { listTerminals, openTerminal, type Terminal, type TerminalOptions } from './terminal.ts';
import type { Transport } from './transport.ts';
import type {
  AgentMessage,
  AgentState,
  AgentTask,
  Artifact,
  Handoff,
  HandoffReply,
  HandoffState,
  ArtifactListOptions,
  ArtifactPage,
  BanataEvent,
  CallOptions,
  Checkpoint,
  CodeResult,
  Conversion,
  DownloadLink,
  ExecResult,
  ForkOptions,
  Preview,
  PreviewCommandResponse,
  PromptAsyncReply,
  PromptReply,
  SandboxMetrics,
  PublishOptions,
  SandboxSession,
  TerminalInfo,
} from './types.ts';
import type { WaitForTaskOptions } from './wait-for-task.ts';
import { waitUntilUsable } from './wait-until-usable.ts';

/** Memory of a paused sandbox may have to come from disk. */
const RESUME_TIMEOUT_MS = 5 * 60_000;

/**
 * Handle of one sandbox, as `launch()` and `connect()` answer it. What it can do is grouped by part ({@link Sandbox.fs},
 * {@link Sandbox.browser}, {@link Sandbox.agent} and so on); the flat methods are short ways to the most used of it.
 *
 * @example
 * ```ts
 * await using sandbox = await banata.launch();
 * const { stdout } = await sandbox.exec('uname -a');
 * ```
 */
export class Sandbox {
  /** 32 lowercase letters and digits. */
  readonly id: string;
  /** Files: reading, writing, searching, watching, archives. */
  readonly fs: SandboxFiles;
  /** Background processes. */
  readonly process: SandboxProcesses;
  /** Interpreters that keep their variables between calls of {@link Sandbox.runCode}. */
  readonly contexts: SandboxContexts;
  /** The live browser: links to it, who controls it, where it goes. */
  readonly browser: SandboxBrowser;
  /** Films of the browser. */
  readonly recording: SandboxRecording;
  /** The browser profile that later sandboxes go on with. */
  readonly profile: SandboxProfile;
  /** Mouse, keyboard and screenshots of the desktop. */
  readonly computer: SandboxComputer;
  /** Prompts and tasks of the agent. */
  readonly agent: SandboxAgent;
  /** Requests for a person. */
  readonly handoff: SandboxHandoff;
  /** Files and folders that outlive the sandbox. */
  readonly artifacts: SandboxArtifacts;
  /** Copies of the sandbox's files to go back to, or to fork. */
  readonly checkpoints: SandboxCheckpoints;
  /** Conversions between document formats. */
  readonly documents: SandboxDocuments;
  /** What the sandbox may reach, and what it did reach. */
  readonly network: SandboxNetwork;
  /** URLs for servers that run in the sandbox. */
  readonly ports: SandboxPorts;
  readonly #transport: Transport;
  readonly #appUrl: string | undefined;
  #session: SandboxSession;

  /** @internal Handles come from `launch()` and `connect()`. */
  constructor(transport: Transport, session: SandboxSession, appUrl: string | undefined) {
    this.id = session.id;
    this.#transport = transport;
    this.#appUrl = appUrl;
    this.#session = session;
    this.fs = new SandboxFiles(transport, session.id);
    this.process = new SandboxProcesses(transport, session.id);
    this.contexts = new SandboxContexts(transport, session.id);
    this.browser = new SandboxBrowser(transport, session.id, appUrl);
    this.recording = new SandboxRecording(transport, session.id);
    this.profile = new SandboxProfile(transport, session.id);
    this.computer = new SandboxComputer(transport, session.id);
    this.agent = new SandboxAgent(transport, session.id);
    this.handoff = new SandboxHandoff(transport, session.id);
    this.artifacts = new SandboxArtifacts(transport, session.id);
    this.checkpoints = new SandboxCheckpoints(transport, session.id);
    this.documents = new SandboxDocuments(transport, session.id);
    this.network = new SandboxNetwork(transport, session.id);
    this.ports = new SandboxPorts(transport, session.id);
  }

  /** The sandbox as it was last read; {@link Sandbox.refresh} reads it again. */
  get session(): SandboxSession {
    return this.#session;
  }

  /**
   * Reads the sandbox again.
   * @example
   * ```ts
   * const { status, expiresAt } = await sandbox.refresh();
   * ```
   */
  async refresh(options: CallOptions = {}): Promise<SandboxSession> {
    this.#session = await this.#transport.json<SandboxSession>({
      method: 'GET',
      path: '/v1/sandboxes',
      query: { id: this.id },
      signal: options.signal,
    });
    return this.#session;
  }

  /**
   * Runs a command and waits for its end. A command that fails is an outcome, not an error: look at `exitCode`.
   * Aborting ends the command with all it started. Never sent a second time once it was sent.
   * @param args With them `command` is a program; without, a shell line.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * const { stdout, exitCode } = await sandbox.exec('sh', ['-lc', 'ls -la'], { timeout: 10_000 });
   * ```
   */
  exec(command: string, args?: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return exec(this.#transport, this.id, { command, args, options });
  }

  /**
   * Runs a snippet of code and waits for its end.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * const { stdout } = await sandbox.runCode('print(6 * 7)', { language: 'python' });
   * ```
   */
  runCode(code: string, options: RunCodeOptions = {}): Promise<CodeResult> {
    return runCode(this.#transport, this.id, { code, options });
  }

  /**
   * Opens a shell on a terminal, or attaches to one; it goes on when its viewers leave.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * const terminal = await sandbox.terminal({ onData: (bytes) => process.stdout.write(bytes) });
   * terminal.write('ls\n');
   * ```
   */
  terminal(options: TerminalOptions = {}): Promise<Terminal> {
    return openTerminal(this.#transport, this.id, options);
  }

  /** Terminal sessions of the sandbox. @example `const [first] = await sandbox.listTerminals()` */
  listTerminals(options: CallOptions = {}): Promise<TerminalInfo[]> {
    return listTerminals(this.#transport, this.id, options);
  }

  /**
   * Events of the sandbox in order, each once, until it ends; broken connections are picked up again.
   * @param options.after Sequence number of the last event seen. Default 0: from the first event on.
   * @example
   * ```ts
   * for await (const event of sandbox.events()) {
   *   if (event.type === 'sandbox.agent.task.completed') console.log(event.data.resultText);
   * }
   * ```
   */
  events(options: CallOptions & { after?: number } = {}): AsyncGenerator<BanataEvent, void> {
    const { after = 0, signal } = options;
    return followEvents(this.#transport, { id: this.id, scope: 'sandbox', after, signal });
  }

  /**
   * What the sandbox uses at this moment: CPU, memory, disk, processes and network.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example `const { memory } = await sandbox.getMetrics()`
   */
  getMetrics(options: CallOptions = {}): Promise<SandboxMetrics> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/metrics',
      query: { id: this.id },
      signal: options.signal,
    });
  }

  /** Short for {@link SandboxAgent.prompt}. @example `await sandbox.prompt('Summarize README.md')` */
  prompt(text: string, options?: PromptOptions): Promise<PromptReply> {
    return this.agent.prompt(text, options);
  }

  /** Short for {@link SandboxAgent.promptAsync}. @example `const { taskId } = await sandbox.promptAsync('Research …')` */
  promptAsync(text: string, options?: PromptOptions): Promise<PromptAsyncReply> {
    return this.agent.promptAsync(text, options);
  }

  /** Short for {@link SandboxAgent.getTask}. @example `(await sandbox.getAgentTask(taskId))?.status` */
  getAgentTask(taskId: string, options?: CallOptions): Promise<AgentTask | null> {
    return this.agent.getTask(taskId, options);
  }

  /** Short for {@link SandboxAgent.waitForTask}. @example `const task = await sandbox.waitForTask(taskId)` */
  waitForTask(taskId: string, options?: WaitForTaskOptions): Promise<AgentTask> {
    return this.agent.waitForTask(taskId, options);
  }

  /** Short for {@link SandboxAgent.getState}. @example `const { state } = await sandbox.getAgentState()` */
  getAgentState(options?: CallOptions): Promise<AgentState> {
    return this.agent.getState(options);
  }

  /** Short for {@link SandboxAgent.getMessages}. @example `const messages = await sandbox.getMessages()` */
  getMessages(options?: CallOptions & { sessionId?: string; limit?: number }): Promise<AgentMessage[]> {
    return this.agent.getMessages(options);
  }

  /** Short for {@link SandboxBrowser.getPreview}. @example `const { cdpUrl } = await sandbox.getPreview()` */
  getPreview(options?: CallOptions & { controller?: string }): Promise<Preview> {
    return this.browser.getPreview(options);
  }

  /** Short for {@link SandboxBrowser.getPreviewViewerUrl}. @example `await sandbox.getPreviewViewerUrl()` */
  getPreviewViewerUrl(options?: CallOptions & { controller?: string }): Promise<string | null> {
    return this.browser.getPreviewViewerUrl(options);
  }

  /** Short for {@link SandboxBrowser.start}. @example `await sandbox.startPreview()` */
  startPreview(options?: CallOptions): Promise<PreviewCommandResponse> {
    return this.browser.start(options);
  }

  /** Short for {@link SandboxBrowser.navigate}. @example `await sandbox.navigatePreview('https://example.com')` */
  navigatePreview(url: string, options?: CallOptions): Promise<PreviewCommandResponse> {
    return this.browser.navigate(url, options);
  }

  /** Short for {@link SandboxBrowser.resize}. @example `await sandbox.resizePreview({ width: 1600, height: 900 })` */
  resizePreview(
    size: { width?: number; height?: number },
    options?: CallOptions,
  ): Promise<PreviewCommandResponse> {
    return this.browser.resize(size, options);
  }

  /** Short for {@link SandboxBrowser.screenshot}. @example `const png = await sandbox.screenshot()` */
  screenshot(options?: CallOptions & { format?: 'png' | 'jpeg' }): Promise<Uint8Array<ArrayBuffer>> {
    return this.browser.screenshot(options);
  }

  /** Short for {@link SandboxArtifacts.list}. @example `const { data } = await sandbox.getArtifacts()` */
  getArtifacts(options?: ArtifactListOptions): Promise<ArtifactPage> {
    return this.artifacts.list(options);
  }

  /** Short for {@link SandboxDocuments.convert}. @example `await sandbox.convertDocument('/workspace/report.html', { to: 'pdf' })` */
  convertDocument(path: string, options: ConvertOptions): Promise<Conversion> {
    return this.documents.convert(path, options);
  }

  /** Short for {@link SandboxArtifacts.publish}. @example `await sandbox.publishArtifact('/workspace/report.md')` */
  publishArtifact(path: string, options?: PublishOptions): Promise<Artifact> {
    return this.artifacts.publish(path, options);
  }

  /** Short for {@link SandboxArtifacts.getDownloadUrl}. @example `const { url } = await sandbox.getArtifactDownloadUrl(key)` */
  getArtifactDownloadUrl(key: string, options?: CallOptions): Promise<DownloadLink> {
    return this.artifacts.getDownloadUrl(key, options);
  }

  /**
   * Short for {@link SandboxHandoff.request}.
   * @example
   * ```ts
   * await sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Enter the code from your phone.' });
   * ```
   */
  requestHumanHandoff(request: HandoffRequest, options?: CallOptions): Promise<HandoffReply> {
    return this.handoff.request(request, options);
  }

  /** Short for {@link SandboxHandoff.accept}. @example `await sandbox.acceptHumanHandoff({ controller: 'dashboard-user' })` */
  acceptHumanHandoff(
    accept: { controller: string; leaseMs?: number },
    options?: CallOptions,
  ): Promise<HandoffReply> {
    return this.handoff.accept(accept, options);
  }

  /** Short for {@link SandboxHandoff.complete}. @example `await sandbox.completeHumanHandoff({ note: 'Signed in.' })` */
  completeHumanHandoff(
    end?: Parameters<SandboxHandoff['complete']>[0],
    options?: CallOptions,
  ): Promise<HandoffReply> {
    return this.handoff.complete(end, options);
  }

  /** Short for {@link SandboxHandoff.cancel}. @example `await sandbox.cancelHumanHandoff()` */
  cancelHumanHandoff(end?: { note?: string }, options?: CallOptions): Promise<HandoffReply> {
    return this.handoff.cancel(end, options);
  }

  /** Short for {@link SandboxHandoff.get}. @example `const { handoff } = await sandbox.getHumanHandoff()` */
  getHumanHandoff(options?: CallOptions): Promise<HandoffState> {
    return this.handoff.get(options);
  }

  /** Short for {@link SandboxHandoff.wait}. @example `const { status, note } = await sandbox.waitForHandoff()` */
  waitForHandoff(options?: WaitForHandoffOptions): Promise<Handoff> {
    return this.handoff.wait(options);
  }

  /** Short for {@link SandboxArtifacts.download}. @example `const bytes = await sandbox.downloadArtifact(key)` */
  downloadArtifact(key: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.artifacts.download(key, options);
  }

  /** Short for {@link SandboxArtifacts.delete}. @example `await sandbox.deleteArtifact(key)` */
  deleteArtifact(key: string, options?: CallOptions): Promise<boolean> {
    return this.artifacts.delete(key, options);
  }

  /**
   * Keeps the files as they are now; short for {@link SandboxCheckpoints.create}.
   * @throws BanataError `CHECKPOINTS_DISABLED`.
   * @example
   * ```ts
   * const checkpoint = await sandbox.checkpoint({ name: 'clean' });
   * ```
   */
  checkpoint(options?: CheckpointOptions): Promise<Checkpoint> {
    return this.checkpoints.create(options);
  }

  /** The newest checkpoints, at most 200; {@link SandboxCheckpoints.list} has pages. @example `const [newest] = await sandbox.listCheckpoints()` */
  async listCheckpoints(options: CallOptions = {}): Promise<Checkpoint[]> {
    return (await this.checkpoints.list({ ...options, limit: 200 })).data;
  }

  /**
   * Puts the sandbox back to one of its checkpoints; resolves when it takes work again. Its processes end; browser and
   * agent come up anew beside it.
   * @throws BanataError `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_NOT_READY`, `SANDBOX_NOT_READY`, `RESTORE_FAILED`.
   * @example
   * ```ts
   * await sandbox.restoreCheckpoint(checkpoint.id);
   * ```
   */
  async restoreCheckpoint(checkpointId: string, options: CallOptions = {}): Promise<SandboxSession> {
    this.#session = await this.checkpoints.restore(checkpointId, options);
    return this.#session;
  }

  /**
   * Makes another sandbox that begins with the files of a checkpoint, and waits until it is usable.
   * @param options.checkpointId Default: a checkpoint that is made now.
   * @throws BanataError `CHECKPOINT_NOT_FOUND`, `PLAN_LIMIT_EXCEEDED`, `SANDBOX_FAILED`, `TIMEOUT`.
   * @example
   * ```ts
   * await using copy = await sandbox.fork({ checkpointId: checkpoint.id });
   * ```
   */
  async fork(options: ForkOptions = {}): Promise<Sandbox> {
    const session = await this.checkpoints.fork(options);
    const { timeout: timeoutMs = DEFAULT_LAUNCH_MS, signal } = options;
    const copy = new Sandbox(this.#transport, session, this.#appUrl);
    const usable = waitUntilUsable(this.#transport, session, { timeoutMs, signal });
    copy.#session = await orEnd(usable, (call) => copy.kill(call));
    return copy;
  }

  /**
   * Stops the sandbox where it is: no CPU is used, and after a while no memory. {@link Sandbox.resume} lets it go on.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * await sandbox.pause();
   * ```
   */
  pause(options: CallOptions = {}): Promise<SandboxSession> {
    return this.#rest('pause', options);
  }

  /**
   * Lets a paused sandbox go on; resolves when it takes work.
   * @throws BanataError `PLAN_LIMIT_EXCEEDED`, `CAPACITY_EXHAUSTED`.
   * @example
   * ```ts
   * await sandbox.resume();
   * ```
   */
  resume(options: CallOptions = {}): Promise<SandboxSession> {
    return this.#rest('resume', options);
  }

  async #rest(what: 'pause' | 'resume', { signal }: CallOptions): Promise<SandboxSession> {
    this.#session = await this.#transport.json<SandboxSession>({
      method: 'POST',
      path: `/v1/sandboxes/${what}`,
      json: { id: this.id },
      safety: 'idempotent',
      timeoutMs: RESUME_TIMEOUT_MS,
      signal,
    });
    return this.#session;
  }

  /**
   * Renews the deadline: the sandbox now ends `timeoutMs` from now.
   * @param timeoutMs At most 86,400,000 (24 hours); undefined leaves the deadline.
   * @param options.idleTimeoutMs Also changes the idle timeout, ms; null: never idle.
   * @throws BanataError `CONFLICT` when the sandbox has ended.
   * @example
   * ```ts
   * await sandbox.setTimeout(2 * 60 * 60_000);
   * ```
   */
  async setTimeout(
    timeoutMs: number | undefined,
    options: CallOptions & { idleTimeoutMs?: number | null } = {},
  ): Promise<SandboxSession> {
    const { signal, ...body } = options;
    this.#session = await this.#transport.json<SandboxSession>({
      method: 'POST',
      path: '/v1/sandboxes/timeout',
      json: { ...body, id: this.id, timeoutMs },
      safety: 'idempotent',
      signal,
    });
    return this.#session;
  }

  /**
   * Ends the sandbox. Ending an ended sandbox is no error.
   * @example
   * ```ts
   * await sandbox.kill();
   * ```
   */
  async kill(options: CallOptions = {}): Promise<SandboxSession> {
    this.#session = await this.#transport.json<SandboxSession>({
      method: 'DELETE',
      path: '/v1/sandboxes',
      query: { id: this.id },
      signal: options.signal,
    });
    return this.#session;
  }

  /** Ends the sandbox at the end of an `await using` block. @example `await using sandbox = await banata.launch()` */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
