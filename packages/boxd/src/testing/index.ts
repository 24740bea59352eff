export * from './scripted-model.ts';
export * from './scripted-shop.ts';
