/**
 * Where every process of Octet starts: fast and small. In plain JavaScript, because Node would load a compiler of 25 MB
 * to strip the types of its first file, before it could be told where compiled files are kept.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// Before anything is loaded, because it is loading that makes the heap grow: V8's space for new objects stays as it is. It
// would grow sixteenfold, for a throughput that nothing here needs: tensors lie outside of the heap.
setFlagsFromString('--semi-space-growth-factor=1');
// Where the folder cannot be written, everything is compiled anew, as usual. NODE_COMPILE_CACHE names another.
enableCompileCache(join(import.meta.dirname, 'node_modules', '.cache', 'octet'));

await import('./cli.ts');
