import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Every row of every table of an installation's own database, as text. */
export function dumpDatabase(home: string): string {
  const script = `
    import pg from 'pg';
    const client = new pg.Client({ host: ${JSON.stringify(join(home, 'postgres/socket'))}, user: 'postgres', database: 'banata' });
    await client.connect();
    const { rows } = await client.query("select schemaname || '.' || quote_ident(tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')");
    for (const { name } of rows) {
      const { rows: content } = await client.query('select t::text as line from ' + name + ' t');
      console.log(name, content.map(({ line }) => line).join('\\n'));
    }
    await client.end();`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('../../../packages/server', import.meta.url),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: 30_000,
  });
}
