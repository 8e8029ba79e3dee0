/** Mobile networks cut downloads: what has come is not asked for again, and never trusted for having come. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type PullProgress, pullModel } from '../../models/pull.ts';
import { systemClock as clock } from '../../runtime/base/clock.ts';
import { publishedRepository, serve, storeContents } from './repository-fixture.ts';

/** The fixture's model.onnx: 20,000 times the byte 1. */
const [sizeBytes, cutAt] = [20_000, 10_000];

/** A repository whose server breaks the first answer for model.onnx off, and the request to pull from it. */
async function cutOff(t: TestContext) {
  const repository = await publishedRepository(t);
  const ranges: (string | undefined)[] = [];
  const server = await serve(t, repository.folder, (path, response, { headers }) => {
    if (!path.endsWith('model.onnx')) return false;
    ranges.push(headers.range);
    if (ranges.length > 1) return false;
    response.writeHead(200, { 'content-length': sizeBytes });
    response.write(Buffer.alloc(cutAt, 1), () => response.destroy());
    return true;
  });
  const storeFolder = join(repository.work, 'store');
  const request = { url: server.url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock };
  const unfinished = join(storeFolder, '.unfinished');
  await assert.rejects(pullModel(request), { code: 'REPOSITORY_UNREACHABLE' });
  return { repository, request, ranges, unfinished, storeFolder };
}

test('a download that was cut off goes on where it stopped', async (t) => {
  const { request, ranges, repository } = await cutOff(t);
  const progress: PullProgress[] = [];
  const { folder } = await pullModel({ ...request, onProgress: (each) => progress.push(each) });
  assert.deepEqual(ranges, [undefined, `bytes=${cutAt}-`]);
  assert.deepEqual(progress.at(-1), { receivedBytes: 20_500, totalBytes: 20_500 });
  const source = join(repository.work, 'models', 'vibration-1.0.0', 'model.onnx');
  assert.deepEqual(await readFile(join(folder, 'model.onnx')), await readFile(source));
});

test('nothing unfinished stays once the model is there', async (t) => {
  const { request, unfinished, storeFolder, repository } = await cutOff(t);
  assert.equal((await readdir(unfinished)).length, 1);
  await pullModel(request);
  assert.deepEqual(await readdir(unfinished), []);
  assert.deepEqual(await storeContents(storeFolder), { models: [repository.digest], partial: [] });
});

test('a first part that was damaged meanwhile costs a second download, not the model', async (t) => {
  const { request, ranges, unfinished } = await cutOff(t);
  const [name] = await readdir(unfinished);
  await writeFile(join(unfinished, name!), Buffer.alloc(cutAt, 7));
  assert.equal((await pullModel(request)).origin, 'downloaded');
  assert.deepEqual(ranges, [undefined, `bytes=${cutAt}-`, undefined]);
});

test('a server that knows no ranges is asked anew from the first byte', async (t) => {
  const repository = await publishedRepository(t);
  let answers = 0;
  const { url } = await serve(t, repository.folder, (path, response, { headers }) => {
    if (!path.endsWith('model.onnx')) return false;
    answers++;
    delete headers.range;
    if (answers > 1) return false;
    response.writeHead(200, { 'content-length': sizeBytes });
    response.write(Buffer.alloc(cutAt, 9), () => response.destroy());
    return true;
  });
  const storeFolder = join(repository.work, 'store');
  const request = { url, rootFile: repository.rootFile, target: 'vibration', storeFolder, clock };
  await assert.rejects(pullModel(request), { code: 'REPOSITORY_UNREACHABLE' });
  // The first part was wrong on purpose: had it been kept, a third answer would have been needed.
  assert.equal((await pullModel(request)).origin, 'downloaded');
  assert.equal(answers, 2);
});

test('what a killed process had downloaded is taken up by the next one', async (t) => {
  const { request, ranges, unfinished, storeFolder } = await cutOff(t);
  const [name] = await readdir(unfinished);
  const [downloaded, deadPid] = [await readFile(join(unfinished, name!)), 2 ** 22 + 1];
  const dead = join(storeFolder, '.partial', `${deadPid}-abc`);
  await mkdir(dead, { recursive: true });
  await writeFile(join(dead, name!), downloaded.subarray(0, 6_000));
  await pullModel(request);
  assert.deepEqual(ranges.slice(1), ['bytes=6000-']);
});
