import fc from 'fast-check';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { readClientHello } from './client-hello.ts';

/** The first bytes that Node's TLS client sends. */
async function helloOf(servername?: string): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection');
  const client = connect({ port, host: '127.0.0.1', ...(servername === undefined ? {} : { servername }) });
  client.on('error', () => undefined);
  const [socket] = (await accepted) as [NodeJS.ReadableStream & { destroy(): void }];
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return data;
}

/** The same handshake in records of at most `size` bytes. */
function split(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let start = 0; start < body.length; start += size) {
    const piece = body.subarray(start, start + size);
    records.push(Buffer.from([0x16, 3, 1, piece.length >> 8, piece.length & 0xff]), piece);
  }
  return Buffer.concat(records);
}

test('finds the server name, or that there is none', async () => {
  expect(readClientHello(await helloOf('site.example'))).toEqual({
    state: 'whole',
    serverName: 'site.example',
  });
  expect(readClientHello(await helloOf())).toEqual({ state: 'whole', serverName: null });
});

test('finds it in a hello that is cut into small records', async () => {
  expect(readClientHello(split(await helloOf('site.example'), 7))).toEqual({
    state: 'whole',
    serverName: 'site.example',
  });
});

test('every shorter piece is incomplete, never something else', async () => {
  const hello = await helloOf('site.example');
  for (let length = 0; length < hello.length; length += 1) {
    expect(readClientHello(hello.subarray(0, length)).state).toBe('incomplete');
  }
});

test('early data may follow a hello, but not come before its end', async () => {
  const hello = await helloOf('site.example');
  const early = Buffer.from([0x17, 3, 3, 0, 2, 1, 2]);
  expect(readClientHello(Buffer.concat([hello, early])).state).toBe('whole');
  const cut = Buffer.from(hello.subarray(0, 105));
  cut.writeUInt16BE(100, 3);
  expect(readClientHello(Buffer.concat([cut, early]))).toEqual({ state: 'invalid' });
});

test('two server names are refused', async () => {
  const hello = await helloOf('site.example');
  const at = hello.indexOf('site.example') - 9;
  const extension = hello.subarray(at, at + 9 + 'site.example'.length);
  const forged = Buffer.concat([hello.subarray(0, at), extension, hello.subarray(at)]);
  const grow = (offset: number): void =>
    void forged.writeUInt16BE(forged.readUInt16BE(offset) + extension.length, offset);
  grow(3);
  grow(7);
  let lengths = 9 + 2 + 32;
  lengths += 1 + forged.readUInt8(lengths);
  lengths += 2 + forged.readUInt16BE(lengths);
  lengths += 1 + forged.readUInt8(lengths);
  grow(lengths);
  expect(readClientHello(forged)).toEqual({ state: 'invalid' });
});

test('bytes of an attacker never throw', async () => {
  const hello = await helloOf('site.example');
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(hello);
      changed[at] = value;
      expect(['whole', 'incomplete', 'invalid']).toContain(readClientHello(changed).state);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(['whole', 'incomplete', 'invalid']).toContain(readClientHello(Buffer.from(bytes)).state);
    }),
  );
});
