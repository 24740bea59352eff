import { settingsSchema } from '@banata/config';

/** The part of a JSON schema that a setting uses. */
interface SettingSchema {
  type?: string;
  enum?: string[];
  default?: string | number | boolean;
  description?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  format?: string;
}

const INTRODUCTION = `# Configuration

Every setting is an environment variable. \`./banata\` passes its environment on to the server, so a setting is given where the command is called:

\`\`\`sh
BANATA_PORT=7171 BANATA_WARM=4 ./banata up --detach
\`\`\`

An empty variable counts as unset. A value that cannot be used stops the command with a message that names the variable. A running server keeps the settings that it was started with: \`./banata down\` and \`./banata up\` again to change them. Two installations on one machine need a \`BANATA_HOME\` and a \`BANATA_PORT\` each, and leave each other alone.

This page is made from the schema in \`packages/config/src\` by \`node scripts/generate-docs.ts\`.
`;

/** `docs/configuration.md` as the schema has it now. */
export function configurationPage(): string {
  const { properties } = settingsSchema.toJSONSchema({ io: 'output', unrepresentable: 'any' });
  const settings = Object.entries(properties ?? {}) as [string, SettingSchema][];
  return [INTRODUCTION, ...settings.map(([name, setting]) => settingText(name, setting))].join('\n');
}

function settingText(name: string, setting: SettingSchema): string {
  const facts = [
    kindOf(setting),
    ...(setting.default === undefined ? [] : [`default ${defaultText(setting.default)}`]),
  ];
  return `## \`${name}\`\n\n${setting.description ?? ''}\n\n- ${facts.join(', ')}\n`;
}

function defaultText(value: string | number | boolean): string {
  return value === '' ? 'empty' : `\`${String(value)}\``;
}

function kindOf(setting: SettingSchema): string {
  if (setting.enum) return `One of ${setting.enum.map((value) => `\`${value}\``).join(', ')}`;
  switch (setting.type) {
    case 'boolean':
      return '`true` or `false`';
    case 'integer':
      return `Whole number${rangeOf(setting)}`;
    case 'number':
      return `Number${rangeOf(setting)}`;
    default:
      return setting.format === 'uri' ? 'URL' : 'Text';
  }
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: SettingSchema): string {
  const upper = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : ` to ${maximum}`;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}${upper && ` and up${upper}`}`;
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) return ` from ${minimum}${upper}`;
  return '';
}
