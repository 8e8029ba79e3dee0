/**
 * What Home Assistant is told about the device, in its device-based MQTT discovery: one retained document with every entity.
 * The entities read the messages of `octet/1` as they are; nothing is published for them alone. Pure.
 */
import type { AgentConfig } from '../config.ts';
import type { DeviceInfo } from '../ports.ts';
import { states } from '../protocol/messages.ts';
import { topics } from '../protocol/topics.ts';

export function discoveryTopic(prefix: string, device: string): string {
  return `${prefix}/device/${device}/config`;
}

export function discoveryDocument(
  { device, slots }: AgentConfig,
  info: DeviceInfo | undefined,
  version: string,
): object {
  const components = Object.assign(
    {},
    systemEntities(device),
    ...slots.map(({ slot }, at) => slotEntities(device, slot, at)),
  );
  return {
    device: {
      identifiers: [`octet_${device}`],
      name: device,
      manufacturer: 'Octet',
      ...(info ? { model: info.board, hw_version: info.soc } : {}),
      sw_version: version,
    },
    origin: { name: 'octet', sw_version: version },
    availability: [
      {
        topic: topics.status(device),
        value_template: "{{ 'online' if value_json.online else 'offline' }}",
      },
    ],
    qos: 1,
    components,
  };
}

/** The newest point of a live batch; a gap record has none, and backlog is over: then the entity stays as it is. */
function newest(column: number, form = 'v'): string {
  const look = `{% set v = value_json.pts[-1][${column}] if value_json.pts and not value_json.hist else none %}`;
  return `${look}{{ ${form} if v is not none else this.state }}`;
}

function slotEntities(device: string, slot: string, at: number): Record<string, object> {
  const decisions = topics.telemetry(device, at === 0 ? 'decisions' : `decisions-${slot}`);
  const inSlot = (field: string) =>
    `{{ (value_json.slots | selectattr('slot', 'eq', '${slot}') | first | default({'active': none}, true)).${field} }}`;
  return {
    [`${slot}_decision`]: sensor(device, `${slot}_decision`, `${slot} decision`, decisions, newest(2)),
    [`${slot}_score`]: {
      ...sensor(device, `${slot}_score`, `${slot} score`, decisions, newest(3)),
      state_class: 'measurement',
    },
    [`${slot}_latency`]: {
      ...sensor(device, `${slot}_latency`, `${slot} latency`, decisions, newest(4, '(v / 1000) | round(3)')),
      ...{
        unit_of_measurement: 'ms',
        device_class: 'duration',
        state_class: 'measurement',
        entity_category: 'diagnostic',
      },
    },
    [`${slot}_state`]: {
      ...sensor(device, `${slot}_state`, `${slot} deployment`, topics.reported(device), inSlot('state')),
      ...{ device_class: 'enum', options: [...states], entity_category: 'diagnostic' },
    },
    [`${slot}_variant`]: {
      ...sensor(device, `${slot}_variant`, `${slot} variant`, topics.reported(device), inSlot('active.variant')),
      entity_category: 'diagnostic',
    },
  };
}

function systemEntities(device: string): Record<string, object> {
  const system = topics.telemetry(device, 'system');
  const diagnostic = { state_class: 'measurement', entity_category: 'diagnostic' };
  return {
    temperature: {
      ...sensor(device, 'temperature', 'temperature', system, newest(2)),
      ...{ ...diagnostic, device_class: 'temperature', unit_of_measurement: '°C' },
    },
    cpu_load: {
      ...sensor(device, 'cpu_load', 'processor load', system, newest(3, '(v * 100) | round(1)')),
      ...{ ...diagnostic, unit_of_measurement: '%' },
    },
    memory_available: {
      ...sensor(device, 'memory_available', 'available memory', system, newest(4)),
      ...{ ...diagnostic, device_class: 'data_size', unit_of_measurement: 'B' },
    },
    connection: {
      platform: 'binary_sensor',
      unique_id: `octet_${device}_connection`,
      name: 'connection',
      state_topic: topics.status(device),
      value_template: "{{ 'ON' if value_json.online else 'OFF' }}",
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      // What says whether the device is there must itself always be.
      availability: [],
    },
  };
}

function sensor(device: string, id: string, name: string, topic: string, template: string): object {
  return { platform: 'sensor', unique_id: `octet_${device}_${id}`, name, state_topic: topic, value_template: template };
}
