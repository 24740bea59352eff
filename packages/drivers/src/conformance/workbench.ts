import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';

import { expect } from 'vitest';

import type { Box, BoxLimits, SandboxDriver } from '../driver.ts';
import type { CommandOutcome, ConformanceSubject, SubjectOptions } from './subject.ts';

/** Time a box may take to start in tests. */
const CREATE_TIMEOUT_MS = 30_000;

/** An id as callers of drivers choose them. */
export function newId(): string {
  return randomBytes(16).toString('hex');
}

/** A TCP server of the host that greets and hangs up. */
export async function listen(port: number, host: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** What the tests of the suite share: it makes drivers and boxes, and clears the host after each test. */
export class Workbench {
  readonly #getSubject: () => ConformanceSubject;
  readonly #drivers: SandboxDriver[] = [];

  constructor(getSubject: () => ConformanceSubject) {
    this.#getSubject = getSubject;
  }

  get subject(): ConformanceSubject {
    return this.#getSubject();
  }

  async startDriver(options?: SubjectOptions): Promise<SandboxDriver> {
    const driver = this.subject.createDriver(options);
    this.#drivers.push(driver);
    await driver.start();
    return driver;
  }

  async createBox(
    driver: SandboxDriver,
    id = newId(),
    limits: BoxLimits = this.subject.limits,
  ): Promise<Box> {
    return await driver.create({ id, limits }, AbortSignal.timeout(CREATE_TIMEOUT_MS));
  }

  async run(box: Box, command: string): Promise<CommandOutcome> {
    return await this.subject.run(box, command);
  }

  async output(box: Box, command: string): Promise<string> {
    return (await this.run(box, command)).output;
  }

  /** Whether a TCP connection from the box to this address comes about. */
  async reaches(box: Box, host: string, port: number): Promise<boolean> {
    return (await this.run(box, `timeout 2 bash -c '</dev/tcp/${host}/${port}'`)).exitCode === 0;
  }

  /** Takes every box and every trace of the drivers off the host; fails when a trace stays. */
  async clear(): Promise<void> {
    for (const driver of this.#drivers.splice(0)) await driver.close();
    for (const installation of ['first', 'second'] as const) {
      await this.subject.createDriver({ installation }).purge();
      expect(await this.subject.hostTraces(installation)).toEqual([]);
    }
  }
}
