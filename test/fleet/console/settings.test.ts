import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingsFrom } from '../../../fleet/console/settings.ts';

describe("the page's address", () => {
  it('means the broker beside it when it says nothing else', () => {
    assert.deepEqual(settingsFrom('http://hub:8080/'), { brokerUrl: 'ws://hub:8080/mqtt' });
  });

  it('keeps encryption and folder', () => {
    assert.equal(settingsFrom('https://hub/console/index.html').brokerUrl, 'wss://hub/console/mqtt');
  });

  it('names another broker and a device', () => {
    assert.deepEqual(settingsFrom('http://hub/?broker=wss%3A%2F%2Fb%2Fmqtt&device=gate-7'), {
      brokerUrl: 'wss://b/mqtt',
      device: 'gate-7',
    });
  });

  it('may carry a name and a password behind the hash, where no server log sees them', () => {
    const { username, password } = settingsFrom('http://hub/#username=eve&password=s%26t');
    assert.deepEqual([username, password], ['eve', 's&t']);
  });
});
