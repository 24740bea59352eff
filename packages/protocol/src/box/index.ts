export * from './agent.ts';
export * from './browser.ts';
export * from './config.ts';
export * from './events.ts';
export * from './exec.ts';
export * from './files.ts';
export * from './limits.ts';
