import { comparisonReport, euro, readOffers, unreadReport } from './demo-report.ts';
import { demoSite, DEMO_SITE_FILE, DEMO_SITE_TITLE, DEMO_SITE_URL } from './demo-site.ts';

/** Where the demo script leaves its result. */
const DEMO_REPORT_FILE = '/workspace/report.md';

/** What the script knows of the conversation. */
export interface DemoView {
  /** Names of the tools that the request offers. */
  tools: ReadonlySet<string>;
  /** Results of its tool calls since the newest prompt, one for each of its turns. */
  results: readonly string[];
}

/** One turn of the script; without a call it is the last. */
export interface DemoTurn {
  text: string;
  call: { tool: string; input: Record<string, unknown> } | null;
}

interface Step {
  tool: string;
  /** What it says as it calls the tool. */
  text: string;
  /** `snapshot` is what the browser showed; empty without a browser. */
  input: (snapshot: string) => Record<string, unknown>;
  /** What is wrong with the tool's result; null when it is as it should be. */
  problem: (result: string) => string | null;
}

const NAVIGATE = 'playwright_browser_navigate';
const SNAPSHOT = 'playwright_browser_snapshot';
const SITE_READY = 'demo-site-ready';
const REPORT_TAKEN = 'demo-report-taken';

const INTRODUCTION =
  'I am the demo script of Banata, not a language model: I ignore the wording of your prompt and always play the same steps, with the real tools of this sandbox. ';

/** A second run in the same sandbox finds the page already served. */
const SERVE = `page_is_up() { curl --noproxy '*' --max-time 2 -fsS -o /dev/null ${DEMO_SITE_URL}; }
page_is_up 2>/dev/null || {
  setsid nohup python3 -m http.server 8000 --bind 127.0.0.1 --directory /workspace/site >/tmp/site.log 2>&1 </dev/null &
}
for attempt in $(seq 50); do
  page_is_up 2>/dev/null && echo ${SITE_READY} && exit 0
  sleep 0.1
done
echo "${DEMO_SITE_URL} does not answer:"; tail -n 5 /tmp/site.log; exit 1`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function refusalOf(result: string): string | null {
  return /^\s*(?:error\b|invalid\b|tool execution\b|the user (?:has )?reject)/i.test(result) ? result : null;
}

const lacks =
  (mark: string) =>
  (result: string): string | null =>
    result.includes(mark) ? null : result;

function write(text: string, filePath: string, content: (snapshot: string) => string): Step {
  return {
    tool: 'write',
    text,
    input: (snapshot) => ({ filePath, content: content(snapshot) }),
    problem: refusalOf,
  };
}

function resultLine(snapshot: string): string {
  const [best] = readOffers(snapshot);
  if (best === undefined) return 'The price list is served; it was not read, since there is no browser';
  return `${best.supplier} is cheapest for the whole order: ${euro(best.total)}, delivery in ${best.delivery}`;
}

function handIn(steps: readonly Step[]): Step {
  const report = steps.map((step, index) => `${index + 1}. ${step.text}`).join('\n');
  return {
    tool: 'bash',
    text: 'Handing in the report.',
    input: (snapshot) => ({
      description: 'Hands in the task report',
      command:
        `banata-complete-task --result ${quoted(resultLine(snapshot))} --report ${quoted(report)} ` +
        `--url ${DEMO_SITE_URL} --steps ${steps.length + 1} && echo ${REPORT_TAKEN}`,
    }),
    problem: lacks(REPORT_TAKEN),
  };
}

const BROWSER_STEPS: readonly Step[] = [
  {
    tool: NAVIGATE,
    text: `Opening ${DEMO_SITE_URL} in the browser that you can watch.`,
    input: () => ({ url: DEMO_SITE_URL }),
    problem: lacks(DEMO_SITE_TITLE),
  },
  {
    tool: SNAPSHOT,
    text: 'Reading what the page shows.',
    input: () => ({}),
    problem: (result) => (readOffers(result).length > 0 ? null : `no price list in: ${result}`),
  },
];

function planFor(tools: ReadonlySet<string>): Step[] {
  const hasBrowser = BROWSER_STEPS.every(({ tool }) => tools.has(tool));
  const steps = [
    write('Writing a small price list of three suppliers as a web page.', DEMO_SITE_FILE, demoSite),
    {
      tool: 'bash',
      text: 'Serving the page inside the sandbox.',
      input: () => ({ command: SERVE, description: 'Serves the page on port 8000' }),
      problem: lacks(SITE_READY),
    },
    ...(hasBrowser ? BROWSER_STEPS : []),
    hasBrowser
      ? write(`Comparing the suppliers and writing ${DEMO_REPORT_FILE}.`, DEMO_REPORT_FILE, (snapshot) =>
          comparisonReport(readOffers(snapshot)),
        )
      : write(
          `Writing ${DEMO_REPORT_FILE}, without a comparison: I have no browser tools here.`,
          DEMO_REPORT_FILE,
          unreadReport,
        ),
  ];
  return [...steps, handIn(steps)];
}

function snapshotOf(plan: readonly Step[], results: readonly string[]): string {
  return results[plan.findIndex(({ tool }) => tool === SNAPSHOT)] ?? '';
}

function farewell(plan: readonly Step[], snapshot: string): string {
  const read =
    snapshot === ''
      ? 'The page was not opened, because this sandbox gives the agent no browser tools.'
      : `I opened ${DEMO_SITE_URL} in the browser, read the price list from the page and did the sums. ${resultLine(snapshot)}.`;
  return (
    `Done, in ${plan.length} steps: I wrote ${DEMO_SITE_FILE} and served it. ${read} The report is in ${DEMO_REPORT_FILE}. ` +
    'Remember that this was a fixed script and not a model. For a real one, create the sandbox with OPENROUTER_API_KEY and OPENROUTER_MODEL in its env.'
  );
}

/** The next turn, told from the tools that are offered and what came back so far. Pure. */
export function demoTurn({ tools, results }: DemoView): DemoTurn {
  const lacking = ['write', 'bash'].filter((tool) => !tools.has(tool));
  if (lacking.length > 0) {
    const text = `${INTRODUCTION}They need the tools write and bash, but this request does not offer ${lacking.join(' and ')}. I stop here.`;
    return { text, call: null };
  }
  const plan = planFor(tools);
  const snapshot = snapshotOf(plan, results);
  const before = plan[results.length - 1];
  const problem = before?.problem(results.at(-1) ?? '') ?? null;
  if (before !== undefined && problem !== null) {
    const shown = problem.trim() === '' ? '(nothing)' : problem.trim().slice(0, 1000);
    const text = `I am a fixed script and stop here: the step "${before.text}" (tool ${before.tool}) did not work. It answered: ${shown}`;
    return { text, call: null };
  }
  const step = plan[results.length];
  if (step === undefined) return { text: farewell(plan, snapshot), call: null };
  const text = results.length === 0 ? `${INTRODUCTION}${step.text}` : step.text;
  return { text, call: { tool: step.tool, input: step.input(snapshot) } };
}
