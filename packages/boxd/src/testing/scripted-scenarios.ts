import { z } from 'zod';

/** Values given with a scenario, as in `SCENARIO:bash command="echo hi" reply=done`. */
export type ScenarioArguments = Record<string, string>;

export interface ScriptedToolCall {
  name: string;
  arguments: Record<string, unknown>;
}

/** What the scripted model does with one request. */
export type ScriptedReply =
  | { kind: 'message'; text: string; toolCalls: ScriptedToolCall[]; chunkDelayMs: number }
  | { kind: 'error'; status: number; headers: Record<string, string>; message: string }
  /** Writes the text and then breaks the connection. */
  | { kind: 'cut'; text: string }
  /** Writes the text and then stays silent until the client goes away. */
  | { kind: 'hang'; text: string };

/** Where a request stands in its scenario. */
export interface ScenarioPosition {
  /** Assistant turns since the prompt that named the scenario. */
  step: number;
  /** How often this very request came before. */
  repeats: number;
}

type Scenario = (args: ScenarioArguments, step: number, repeats: number, prompt: string) => ScriptedReply;

const say = (text: string, chunkDelayMs = 0): ScriptedReply => ({
  kind: 'message',
  text,
  toolCalls: [],
  chunkDelayMs,
});

const call = (name: string, args: Record<string, unknown>, text = ''): ScriptedReply => ({
  kind: 'message',
  text,
  toolCalls: [{ name, arguments: args }],
  chunkDelayMs: 0,
});

const callsSchema = z.array(z.tuple([z.string(), z.record(z.string(), z.unknown())]));

/** One call after the other, then the text. */
const callsThen = (calls: z.infer<typeof callsSchema>, step: number, text: string): ScriptedReply => {
  const next = calls[step];
  return next === undefined ? say(text) : call(...next);
};

const bash = (command: string): ScriptedReply => call('bash', { command, description: 'Runs a command' });

/** Replies by scenario name. */
const SCENARIOS: Record<string, Scenario> = {
  /** One answer: `reply`, in words `delayMs` apart. */
  text: (args) => say(args['reply'] ?? 'Hello from the scripted model.', Number(args['delayMs'] ?? 0)),
  /** Answers `reply`, and `then` to whatever comes after it in the session. */
  answers: (args, step) => say((step === 0 ? args['reply'] : args['then']) ?? 'Nothing to say.'),
  /** Writes `path` with `content`, reads it back in bash, answers. */
  'write-bash': (args, step) => {
    const path = args['path'] ?? '/workspace/scripted.txt';
    if (step === 0) {
      return call('write', { filePath: path, content: args['content'] ?? 'scripted content\n' }, 'Writing.');
    }
    return step === 1 ? bash(`wc -c '${path}'`) : say(args['reply'] ?? `Wrote ${path}.`);
  },
  /** Runs `command` in bash, answers. */
  bash: (args, step) =>
    step === 0 ? bash(args['command'] ?? 'true') : say(args['reply'] ?? 'Command done.'),
  /** Runs `command` for ever: the turn never ends by itself. */
  loop: (args, step) => bash(args['command'] ?? `echo round ${step}`),
  /** Opens `url` with the browser tools, reads the page, answers. */
  browse: (args, step) => {
    if (step === 0) return call('playwright_browser_navigate', { url: args['url'] ?? 'about:blank' });
    return step === 1 ? call('playwright_browser_snapshot', {}) : say(args['reply'] ?? 'Page visited.');
  },
  /** The main job: opens `url`, reads the page, writes `path` with `content`, answers. */
  research: (args, step) => {
    if (step === 0) return call('playwright_browser_navigate', { url: args['url'] ?? 'about:blank' });
    if (step === 1) return call('playwright_browser_snapshot', {});
    if (step === 2) {
      return call('write', {
        filePath: args['path'] ?? '/workspace/report.md',
        content: args['content'] ?? '# Report\n',
      });
    }
    return say(args['reply'] ?? 'The report is written.');
  },
  /** Opens `url`, asks for a person with `message` and `resume`, ends its turn. */
  handoff: (args, step) => {
    if (step === 0 && args['url'] !== undefined)
      return call('playwright_browser_navigate', { url: args['url'] });
    if (step === (args['url'] === undefined ? 0 : 1)) {
      const { message = 'Please help.', resume = 'Go on.', expires = '600000' } = args;
      return bash(
        `banata-request-handoff --reason mfa --message '${message}' --resume '${resume}' --expires ${expires}`,
      );
    }
    return say(args['reply'] ?? 'I wait for a person.');
  },
  /** Reads the page that is open, writes `path` with `content`, answers. */
  continue: (args, step) => {
    if (step === 0) return call('playwright_browser_snapshot', {});
    if (step === 1) {
      return call('write', {
        filePath: args['path'] ?? '/workspace/result.md',
        content: args['content'] ?? '# Result\n',
      });
    }
    return say(args['reply'] ?? 'Went on.');
  },
  /** Uses the tools of `calls`, a JSON array of [name, arguments], one an answer; then answers `reply`. */
  tools: (args, step) =>
    callsThen(callsSchema.parse(JSON.parse(args['calls'] ?? '[]')), step, args['reply'] ?? 'Tools used.'),
  /**
   * Takes over a step of a skill: of `fixes`, a JSON array of [text, calls], uses the calls of the first one whose text
   * is in the step's own line.
   */
  repair: (args, step, _repeats, prompt) => {
    const fixes = z.array(z.tuple([z.string(), callsSchema])).parse(JSON.parse(args['fixes'] ?? '[]'));
    const lines = prompt.split('\n').filter((line) => line.startsWith('- '));
    const fix = fixes.find(([text]) => lines.some((line) => line.includes(text)));
    return fix ? callsThen(fix[1], step, 'Step done.') : say('CANNOT: nobody told me how');
  },
  /** Sets a to-do list, answers. */
  todo: (_args, step) =>
    step === 0
      ? call('todowrite', {
          todos: [
            { content: 'First thing', status: 'completed', priority: 'high' },
            { content: 'Second thing', status: 'in_progress', priority: 'low' },
          ],
        })
      : say('List made.'),
  /** Asks a person `question`, answers. */
  question: (args, step) =>
    step === 0
      ? call('question', {
          questions: [
            {
              question: args['question'] ?? 'Go on?',
              header: 'Choice',
              options: [
                { label: 'Blue', description: 'As the logo' },
                { label: 'Red', description: 'As the door' },
              ],
            },
          ],
        })
      : say(args['reply'] ?? 'Thank you.'),
  /** Hands the `prompt` to a subagent, answers. */
  subagent: (args, step) =>
    step === 0
      ? call('task', {
          description: 'Look around',
          prompt: args['prompt'] ?? 'SCENARIO:text reply="subagent answer"',
          subagent_type: 'general',
        })
      : say('Subagent done.'),
  /** Calls a tool that does not exist, answers. */
  'bad-tool': (_args, step) => (step === 0 ? call('no_such_tool', { x: 1 }) : say('Recovered.')),
  /** Hands in a task report with the command, answers. */
  report: (args, step) =>
    step === 0
      ? bash(
          `banata-complete-task --result '${args['result'] ?? 'All done'}' --report '1. Open the page\\n2. Read it' --url https://example.com/ --steps 2 --duration 1500`,
        )
      : say('Reported.'),
  /** Answers HTTP `status`, optionally with `retryAfter` seconds, `times` times (default: always), then `reply`. */
  error: (args, _step, repeats) =>
    repeats < Number(args['times'] ?? Infinity)
      ? {
          kind: 'error',
          status: Number(args['status'] ?? 500),
          headers: args['retryAfter'] === undefined ? {} : { 'retry-after': args['retryAfter'] },
          message: args['message'] ?? 'scripted failure',
        }
      : say(args['reply'] ?? 'Well again.'),
  /** Breaks the connection in the middle of the answer, `times` times (default: always), then answers `reply`. */
  cut: (args, _step, repeats) =>
    repeats < Number(args['times'] ?? Infinity)
      ? { kind: 'cut', text: args['text'] ?? 'This answer breaks ' }
      : say(args['reply'] ?? 'Whole at last.'),
  /** Starts an answer and never ends it. */
  hang: (args) => ({ kind: 'hang', text: args['text'] ?? 'Thinking ' }),
};

/** Names that a prompt can give after `SCENARIO:`. */
const scenarioNames: readonly string[] = Object.keys(SCENARIOS);

const ARGUMENT = /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))/g;

/** Reads `SCENARIO:name key=value key="quoted value"` in a prompt; null when it names none. */
export function parseScenario(prompt: string): { name: string; args: ScenarioArguments } | null {
  const match = /SCENARIO:([a-z-]+)([^\n]*)/.exec(prompt);
  if (match === null) return null;
  const args: ScenarioArguments = {};
  for (const [, key, quoted, bare] of (match[2] ?? '').matchAll(ARGUMENT)) {
    if (key !== undefined)
      args[key] = quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/g, '$1');
  }
  return { name: match[1] ?? '', args };
}

/** The reply to one request; an unknown scenario answers HTTP 400 with the names there are. */
export function replyTo(prompt: string, { step, repeats }: ScenarioPosition): ScriptedReply {
  const scenario = parseScenario(prompt);
  if (scenario === null) return say(`You said: ${prompt.slice(0, 200)}`);
  const run = SCENARIOS[scenario.name];
  if (run === undefined) {
    const message = `unknown scenario ${scenario.name}; there are: ${scenarioNames.join(', ')}`;
    return { kind: 'error', status: 400, headers: {}, message };
  }
  return run(scenario.args, step, repeats, prompt);
}
