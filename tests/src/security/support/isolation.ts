/** Isolation that the suite runs in. */
export type Isolation = 'container' | 'gvisor';

/** The one that BANATA_TEST_ISOLATION names; the default of the settings otherwise. */
export function testedIsolation(): Isolation {
  const value = process.env['BANATA_TEST_ISOLATION'] || 'container';
  if (value !== 'container' && value !== 'gvisor')
    throw new Error(`BANATA_TEST_ISOLATION="${value}": must be container or gvisor.`);
  return value;
}
