import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparisonReport, readOffers } from './demo-report.ts';
import { demoTurn, type DemoTurn } from './demo-script.ts';
import { demoSite } from './demo-site.ts';

const BROWSER = ['playwright_browser_navigate', 'playwright_browser_snapshot'];

/** As Playwright MCP 0.0.83 prints the page. */
function snapshotOf(html: string): string {
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, inner]) =>
    [...(inner ?? '').matchAll(/<(th scope="col"|th scope="row"|td)>(.*?)<\//g)].map(([, tag, text]) => {
      const role = tag === 'td' ? 'cell' : tag?.includes('row') ? 'rowheader' : 'columnheader';
      return `          - ${role} "${text}" [ref=e1]`;
    }),
  );
  const table = rows.map((cells) => ['        - row [ref=e1]:', ...cells].join('\n')).join('\n');
  return `### Page\n- Page Title: Spare parts price list\n### Snapshot\n\`\`\`yaml\n- main [ref=e6]:\n${table}\n\`\`\``;
}

interface Played {
  turns: DemoTurn[];
  tools: string[];
  files: Map<string, string>;
  commands: string[];
}

/** Plays the script against tools that answer as the real ones do. */
function play(offered: string[], override: Partial<Record<string, string>> = {}): Played {
  const played: Played = { turns: [], tools: [], files: new Map(), commands: [] };
  const results: string[] = [];
  for (;;) {
    const turn = demoTurn({ tools: new Set(offered), results });
    played.turns.push(turn);
    if (turn.call === null) return played;
    const { tool, input } = turn.call;
    played.tools.push(tool);
    if (tool === 'write') played.files.set(String(input['filePath']), String(input['content']));
    if (tool === 'bash') played.commands.push(String(input['command']));
    const answers: Record<string, string> = {
      write: 'Wrote file successfully.',
      bash: played.commands.length === 1 ? 'demo-site-ready\n' : 'Report taken.\ndemo-report-taken\n',
      playwright_browser_navigate:
        '### Page\n- Page URL: http://127.0.0.1:8000/\n- Page Title: Spare parts price list',
      playwright_browser_snapshot: snapshotOf(played.files.get('/workspace/site/index.html') ?? ''),
    };
    results.push(override[tool] ?? answers[tool] ?? '');
    if (results.length > 20) throw new Error('the script does not end');
  }
}

describe('demoTurn', () => {
  test('drives all tools in order and says what it is', () => {
    const { turns, tools, files, commands } = play(['bash', 'write', 'read', ...BROWSER]);
    expect(tools).toEqual(['write', 'bash', ...BROWSER, 'write', 'bash']);
    expect(turns[0]?.text).toContain('not a language model: I ignore the wording of your prompt');
    expect(turns.at(-1)?.text).toContain('a fixed script and not a model');
    expect(turns.at(-1)?.text).toContain('Kestrel Parts is cheapest for the whole order: € 111.80');
    const report = files.get('/workspace/report.md') ?? '';
    expect(report).toContain(
      '| Kestrel Parts | € 9.10 | € 5.75 | € 14.20 | € 12.50 | 2 days | **€ 111.80** |',
    );
    expect(report).toContain('not a language model');
    expect(commands[1]).toMatch(/^banata-complete-task --result 'Kestrel Parts is cheapest.*--steps 6 /s);
  });

  test('the report holds what the page showed, not what the script knows', () => {
    const changed = snapshotOf(demoSite().replace('€ 8.40', '€ 0.10').replaceAll('Nordbolt', 'Southbolt'));
    const { files } = play(['bash', 'write', ...BROWSER], { playwright_browser_snapshot: changed });
    expect(files.get('/workspace/report.md')).toContain('**Cheapest for the whole order: Southbolt, € 85.80');
  });

  test.each([[['bash', 'write']], [['bash', 'write', 'playwright_browser_navigate']]])(
    'with %j it skips the browser and says so',
    (offered) => {
      const { turns, tools, files } = play(offered);
      expect(tools).toEqual(['write', 'bash', 'write', 'bash']);
      expect(turns.at(-1)?.text).toContain('no browser tools');
      expect(files.get('/workspace/report.md')).toContain('it was not read');
    },
  );

  test.each([
    [['read'], 'write and bash'],
    [['bash'], 'does not offer write'],
    [['write', ...BROWSER], 'does not offer bash'],
  ])('with %j it says what it lacks and stops', (offered, text) => {
    const { turns } = play(offered);
    expect(turns).toHaveLength(1);
    expect(turns[0]?.text).toContain(text);
  });

  test.each([
    ['write', 'Error: permission denied', 1],
    ['bash', 'http://127.0.0.1:8000/ does not answer:', 2],
    ['bash', '', 2],
    ['playwright_browser_navigate', '### Error\nnet::ERR_CONNECTION_REFUSED', 3],
    ['playwright_browser_snapshot', '### Error\nno page', 4],
  ])('when %s answers %j it shows that and stops', (tool, answer, steps) => {
    const { turns, tools } = play(['bash', 'write', ...BROWSER], { [tool]: answer });
    expect(tools).toHaveLength(steps);
    expect(turns.at(-1)?.text).toContain('stop here');
    expect(turns.at(-1)?.text).toContain(answer.trim() === '' ? '(nothing)' : answer);
  });

  test('ends whatever the tools answer', () => {
    const answer = fc.oneof(
      fc.string(),
      fc.constantFrom('demo-site-ready', 'Spare parts price list', 'demo-report-taken'),
    );
    const tools = fc.subarray(['bash', 'write', 'read', ...BROWSER]);
    fc.assert(
      fc.property(tools, fc.array(answer, { maxLength: 12 }), (offered, results) => {
        const turn = demoTurn({ tools: new Set(offered), results });
        expect(turn.text).not.toBe('');
        if (results.length > 6) expect(turn.call).toBeNull();
        if (turn.call !== null) expect(offered).toContain(turn.call.tool);
      }),
    );
  });

  test('its commands are valid shell, with every value quoted', () => {
    const evil = snapshotOf(demoSite().replaceAll('Kestrel Parts', `$(touch x)'; touch x; '`));
    for (const snapshot of [undefined, evil]) {
      const { commands } = play(
        ['bash', 'write', ...BROWSER],
        snapshot === undefined ? {} : { playwright_browser_snapshot: snapshot },
      );
      for (const command of commands) execFileSync('bash', ['-n', '-c', command], { timeout: 5000 });
      const hostile = commands[1]?.replace(/^banata-complete-task/, "printf '%s\\n'") ?? '';
      const printed = execFileSync('bash', ['-c', hostile], { timeout: 5000, encoding: 'utf8' }).split('\n');
      expect(printed[0]).toBe('--result');
      if (snapshot !== undefined) expect(printed[1]).toContain(`$(touch x)'; touch x; ' is cheapest`);
    }
  });
});

describe('readOffers', () => {
  test('reads the snapshot of the page, cheapest order first', () => {
    const offers = readOffers(snapshotOf(demoSite()));
    expect(offers.map(({ supplier, total }) => [supplier, total])).toEqual([
      ['Kestrel Parts', 11180],
      ['Alpwerk Supply', 11640],
      ['Nordbolt', 11900],
    ]);
  });

  test('reads cells that the snapshot writes without quotes, and skips rows that are something else', () => {
    const row = ['Acme', '€ 1.00', '€ 2.00', '€ 3.00', '€ 4.00', '5 days'];
    const lines = ['- row [ref=e1]:', ...row.map((text) => `  - cell [ref=e2]: ${text}`)];
    const other = ['- row [ref=e3]:', '  - cell "one"', '  - cell "two"'];
    expect(readOffers([...other, ...lines].join('\n'))).toEqual([
      { supplier: 'Acme', prices: [100, 200, 300], shipping: 400, delivery: '5 days', total: 2600 },
    ]);
  });

  test('finds nothing in other texts, and never fails', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readOffers(text)).toEqual([]);
      }),
    );
    expect(comparisonReport([])).toContain('nobody');
  });
});
