import { S3Server } from './s3-server.ts';

/**
 * An {@link S3Server} as a process of its own, for tests that kill it. Arguments: folder that keeps its objects, and
 * port, or 0. Tells the settings for a server on its first line.
 */
const [folder, port] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: s3-server-main FOLDER [PORT]');
const server = await S3Server.start({ folder, port: Number(port ?? 0) });
process.stdout.write(`${JSON.stringify(server.env)}\n`);
