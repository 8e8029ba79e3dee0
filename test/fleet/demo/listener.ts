/** A plain MQTT client that waits for what it subscribed to. */
import mqtt from 'mqtt';

/** Connects to `url`, subscribes, then does `act`. @returns the first message that arrives. */
export async function firstMessage(url: string, topic: string, act: () => Promise<unknown> = async () => undefined) {
  const client = await mqtt.connectAsync(url);
  const message = new Promise<{ topic: string; payload: string }>((resolve) =>
    client.once('message', (arrivedOn, payload) => resolve({ topic: arrivedOn, payload: payload.toString() })),
  );
  await client.subscribeAsync(topic);
  await act();
  const arrived = await message;
  await client.endAsync(true);
  return arrived;
}
