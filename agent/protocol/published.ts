/**
 * The protocol for other programs: a JSON Schema (2020-12) per message and one AsyncAPI 3 document, made from the table of
 * channels. `npm run protocol` writes them to `docs/octet-1/`; a test fails when what lies there is not what this makes.
 */
import { z } from 'zod';
import { type Channel, channels } from './channels.ts';
import { headerSchema, operatorKeysSchema } from './orders.ts';

/** File name in the published folder → its text. */
export function publishedFiles(): ReadonlyMap<string, string> {
  const schemas = [
    ...Object.entries(channels).map(([name, { schema }]) => [name, schema] as const),
    ['orderHeader', headerSchema] as const,
    ['operatorKeys', operatorKeysSchema] as const,
  ];
  const files = schemas.map(
    ([name, schema]) => [schemaFile(name), { title: name, ...z.toJSONSchema(schema) }] as const,
  );
  return new Map([['asyncapi.json', asyncApi()] as const, ...files].map(([name, value]) => [name, textFrom(value)]));
}

const schemaFile = (name: string) => `schemas/${name}.schema.json`;
const textFrom = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Said from the device's side, as AsyncAPI wants: it sends what goes up and receives what goes down. */
function asyncApi(): object {
  const table = Object.entries(channels) as [string, Channel][];
  const each = (make: (name: string, channel: Channel) => object) =>
    Object.fromEntries(table.map(([name, channel]) => [name, make(name, channel)]));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'octet/1',
      version: '1.0.0',
      description:
        'What a device that runs Octet says and is told over MQTT 5 or 3.1.1. Orders are compact JWS signed with Ed25519: a broker carries them, and has no say.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: each((name, { topic, meaning }) => ({
      address: topic,
      description: meaning,
      ...parametersOf(topic),
      messages: { [name]: { $ref: `#/components/messages/${name}` } },
    })),
    operations: each((name, { direction, qos, retain, meaning }) => ({
      action: direction === 'up' ? 'send' : 'receive',
      summary: meaning,
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
      bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } },
    })),
    components: { messages: each(messageOf) },
  };
}

function messageOf(name: string, { form, meaning }: Channel): object {
  const schema = { $ref: `./${schemaFile(name)}` };
  if (form === 'json') return { name, summary: meaning, contentType: 'application/json', payload: schema };
  return {
    name,
    summary: meaning,
    contentType: 'application/jose',
    payload: {
      type: 'string',
      description: 'Compact JWS (RFC 7515); its protected header is orderHeader, its payload has the schema below.',
      contentMediaType: 'application/json',
      contentSchema: schema,
    },
  };
}

const parameterMeanings: Readonly<Record<string, string>> = {
  device: "The device's id, which is also its MQTT client id and its name for the broker",
  operator: 'The name of the operator who asked',
  stream: 'decisions, decisions-<slot>, system',
  type: 'What happened, in one word',
  model: "The model's name",
  variant: "The variant's name",
  job: 'An id that whoever gives the job chooses',
  request: 'ping, snapshot, tail-log, bench-quick, self-check, explain',
};

function parametersOf(topic: string): { parameters?: object } {
  const names = [...topic.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  if (names.length === 0) return {};
  return { parameters: Object.fromEntries(names.map((name) => [name, { description: parameterMeanings[name] }])) };
}
